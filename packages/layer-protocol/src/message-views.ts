import { objectUri } from "./ids.ts";
import type { ContentViews } from "./content-views.ts";
import { partView, slimPartView } from "./part-views.ts";
import type { PartFacts } from "./part-views.ts";
import { wirePosition } from "./positions.ts";
import { givenSenderView, profileOfSender, senderView } from "./sender-views.ts";
import type { Profiles } from "./sender-views.ts";
import type { Sender } from "./senders.ts";
import { formatOptionalTime, formatTime } from "./timestamps.ts";
import { appUrl, userUrl } from "./urls.ts";
import type { WireContext } from "./urls.ts";
import { formatUserReference } from "./user-ids.ts";
import { usesIdentityIds } from "./versions.ts";

/** What the views need of a stored message; times are milliseconds since 1970. */
export interface MessageFacts {
  readonly messageId: string;
  readonly conversationId: string;
  /** 1 for the first of its conversation. */
  readonly position: number;
  readonly sentAt: number;
  readonly sender: Sender;
  readonly parts: readonly PartFacts[];
  readonly recipients: readonly { readonly userId: string; readonly status: "sent" | "delivered" | "read" }[];
  readonly updatedAt: number | null;
}

/** A message as one user has it. */
export interface UserMessageFacts extends MessageFacts {
  readonly isUnread: boolean;
  readonly receivedAt: number | null;
}

/** What a message only names, and its view shows. */
export interface MessageLookups {
  readonly profiles: Profiles;
  readonly contents: ContentViews;
}

/** Where a conversation is for its app's backend; its messages are below it. */
export const conversationUrl = (wire: WireContext, conversationId: string): string =>
  `${appUrl(wire)}/conversations/${conversationId}`;

/** Where a message is for its app's backend; its parts are below it. */
const messageUrl = (wire: WireContext, conversationId: string, messageId: string): string =>
  `${conversationUrl(wire, conversationId)}/messages/${messageId}`;

/** The same for a user. Clients append `/receipts` and the like, which are below it. */
export const userConversationUrl = (wire: WireContext, userId: string, conversationId: string): string =>
  `${userUrl(wire, userId)}/conversations/${conversationId}`;

/** A user finds a message without its conversation (server API 7.4). */
const userMessageUrl = (wire: WireContext, userId: string, messageId: string): string =>
  `${userUrl(wire, userId)}/messages/${messageId}`;

/** A message as its app's backend reads it (server API 4.4). */
export function messageSystemView(wire: WireContext, message: MessageFacts, lookups: MessageLookups) {
  const { messageId, conversationId, position } = message;
  const url = messageUrl(wire, conversationId, messageId);
  return withChanges(wire, message, {
    id: objectUri("messages", messageId),
    url,
    receipts_url: null,
    conversation: { id: objectUri("conversations", conversationId), url: conversationUrl(wire, conversationId) },
    // 1.x recordings have none here, and have one in a user's view.
    position: usesIdentityIds(wire.version) ? wirePosition(position) : null,
    ...common(wire, url, message, lookups),
    received_at: null,
    is_unread: null,
  });
}

/** A message as one user reads it, with URLs of her own (server API 4.4, 11). */
export function messageUserView(wire: WireContext, userId: string, message: UserMessageFacts, lookups: MessageLookups) {
  const { messageId, conversationId, position, isUnread, receivedAt } = message;
  const url = userMessageUrl(wire, userId, messageId);
  return withChanges(wire, message, {
    id: objectUri("messages", messageId),
    url,
    receipts_url: `${url}/receipts`,
    conversation: {
      id: objectUri("conversations", conversationId),
      url: userConversationUrl(wire, userId, conversationId),
    },
    position: wirePosition(position),
    ...common(wire, url, message, lookups),
    received_at: formatOptionalTime(receivedAt),
    is_unread: isUnread,
  });
}

/** What a send answers to its app's backend: slimmer, and in 1.0 under a shorter URL (server API 2.1, 4.4). */
export function messageCreatedView(wire: WireContext, message: MessageFacts, lookups: MessageLookups) {
  const { messageId, conversationId, sentAt, sender, parts } = message;
  const view = {
    id: objectUri("messages", messageId),
    url: wire.version === "1.0" ? `${appUrl(wire)}/messages/${messageId}` : messageUrl(wire, conversationId, messageId),
    conversation: { id: objectUri("conversations", conversationId), url: conversationUrl(wire, conversationId) },
    sent_at: formatTime(sentAt),
    sender: givenSenderView(wire, sender, profileOfSender(sender, lookups.profiles)),
    recipient_status: recipientStatus(wire, message),
    parts: parts.map((part, index) => slimPartView(wire, messageId, part, index, lookups.contents)),
  };
  return usesIdentityIds(wire.version) ? { ...view, channel: null } : view;
}

/** The parts of a message alone, as a user reads them or, with null, its app's backend (server API 7.6). */
export function messagePartsView(
  wire: WireContext,
  userId: string | null,
  { messageId, conversationId, parts }: MessageFacts,
  contents: ContentViews,
) {
  const url = userId === null ? messageUrl(wire, conversationId, messageId) : userMessageUrl(wire, userId, messageId);
  return partsView(wire, { messageId, url, parts }, contents);
}

const partsView = (
  wire: WireContext,
  message: Pick<MessageFacts, "messageId" | "parts"> & { readonly url: string },
  contents: ContentViews,
) => message.parts.map((part, index) => partView(wire, message, part, index, contents));

const common = (wire: WireContext, url: string, message: MessageFacts, { profiles, contents }: MessageLookups) => ({
  parts: partsView(wire, { ...message, url }, contents),
  sent_at: formatTime(message.sentAt),
  sender: senderView(wire, message.sender, profileOfSender(message.sender, profiles)),
  recipient_status: recipientStatus(wire, message),
  // Also where one was sent: recorded so.
  notification: null,
});

/** Messages can be edited from 2.0 on, and their clients look for both. */
const withChanges = <View extends object>(wire: WireContext, { updatedAt }: MessageFacts, view: View) =>
  usesIdentityIds(wire.version) ? { ...view, reply_to: null, updated_at: formatOptionalTime(updatedAt) } : view;

/** fromEntries defines own properties, so that a user called __proto__ is one key among others. */
const recipientStatus = (wire: WireContext, { recipients }: MessageFacts) =>
  Object.fromEntries(recipients.map(({ userId, status }) => [formatUserReference(wire.version, userId), status]));
