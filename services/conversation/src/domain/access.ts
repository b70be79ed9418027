import type { Authority, Sender } from "@strata/contracts";
import { DomainError } from "@strata/runtime";
import { sendingRefusal } from "./authority.ts";
import type { ConversationRow } from "./conversation.ts";
import { isUnopened, takesMessages } from "./lifecycle.ts";
import { type MembershipRow, refusedTo } from "./membership.ts";
import { senderUser } from "./message.ts";

/** A conversation in which something can be done, or why nothing can be. */
export function present(
  conversationId: string,
  conversation: ConversationRow | null | undefined,
): ConversationRow | DomainError {
  if (!conversation) return new DomainError("not_found", { conversationId });
  return conversation.deletedAt === undefined ? conversation : new DomainError("object_deleted", { conversationId });
}

interface Draft {
  readonly sender: Sender;
  readonly authority: Authority;
}

/** Why nobody may write into a conversation; null: it takes messages. */
export function writingRefusal(conversation: ConversationRow, now: number): DomainError | null {
  if (takesMessages(conversation, now)) return null;
  const { conversationId } = conversation;
  const message = isUnopened(conversation) ? "the conversation has not opened yet" : "the conversation has closed";
  return new DomainError("conversation_closed", { conversationId }, { message });
}

/** Whether an answer to `senderRefusal` needs to know if the sender ever was in the conversation. */
export const needsStanding = ({ sender, authority }: Draft, { participants }: ConversationRow): boolean => {
  const user = senderUser(sender);
  return authority === "user" && user !== null && !participants.includes(user);
};

/** Why a message may not be sent by its sender; null: it may. The membership matters only where `needsStanding` says so. */
export const senderRefusal = (
  draft: Draft,
  conversation: ConversationRow,
  membership: MembershipRow | null,
  now: number,
): DomainError | null =>
  standingRefusal(draft, conversation, membership) ??
  writingRefusal(conversation, now) ??
  ownRefusal(draft, conversation, now);

/** Of what a user says herself: what a backend says in her name is the backend's. */
function ownRefusal({ sender, authority }: Draft, conversation: ConversationRow, now: number): DomainError | null {
  const user = senderUser(sender);
  return authority === "user" && user !== null ? sendingRefusal(conversation, user, now) : null;
}

function standingRefusal(
  { sender, authority }: Draft,
  conversation: ConversationRow,
  membership: MembershipRow | null,
): DomainError | null {
  const user = senderUser(sender);
  if (authority === "backend" || user === null) return null;
  if (authority === "user") return refusedTo(conversation, user, membership);
  if (conversation.participants.includes(user)) return null;
  return new DomainError("invalid_property", { property: "sender" }, { message: "the sender is no participant" });
}

export const missingContent = (): DomainError =>
  new DomainError("invalid_property", { property: "parts.content" }, { message: "content is unknown or not uploaded" });
