import type { Message, MessageStatus, UserMessage } from "@strata/contracts";
import { senderUser, type ListedMessage } from "./message.ts";

/** A message as its app's backend sees it. */
export function messageView(row: ListedMessage): Message {
  const sender = senderUser(row.sender);
  const read = usersOf(row.read);
  const delivered = usersOf(row.delivered);
  const statusOf = (userId: string): MessageStatus => {
    if (userId === sender || read.has(userId)) return "read";
    return delivered.has(userId) ? "delivered" : "sent";
  };
  return {
    messageId: row.messageId,
    conversationId: row.conversation,
    position: row.position,
    sentAt: row.sentAt,
    sender: row.sender,
    parts: row.parts,
    recipients: row.recipients.map((userId) => ({ userId, status: statusOf(userId) })),
    updatedAt: row.updatedAt,
  };
}

/** A message as one user sees it; null: as nobody in particular does. */
export const userMessageView = (row: ListedMessage, viewer: string | null): UserMessage => ({
  ...messageView(row),
  isUnread: viewer !== null && row.unread.includes(viewer),
  receivedAt: viewer === null ? null : receivedAt(row, viewer),
});

/** When her first receipt says that she has it. Her own message she has had since she sent it. */
function receivedAt(row: ListedMessage, viewer: string): number | null {
  if (senderUser(row.sender) === viewer) return row.sentAt;
  const times = [...row.delivered, ...row.read].filter(({ user }) => user === viewer).map(({ at }) => at);
  return times.length === 0 ? null : Math.min(...times);
}

const usersOf = (entries: readonly { readonly user: string }[]): ReadonlySet<string> =>
  new Set(entries.map(({ user }) => user));
