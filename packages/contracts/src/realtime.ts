import { z } from "zod";
import { defineEvent, defineQuery } from "./define.ts";
import {
  AnnouncementId,
  AnnouncementReceiptKind,
  ConversationId,
  MessageId,
  Millis,
  PartId,
  Position,
  ReceiptKind,
  UserId,
} from "./values.ts";

const ofConversation = { conversationId: ConversationId };
const ofMessage = { conversationId: ConversationId, messageId: MessageId };

/**
 * What happened, as sockets are told of it: ids and facts, never views. What its receivers see of it is asked for when it is
 * sent, so that what is told late is told as it is by then.
 */
export const Change = z.discriminatedUnion("kind", [
  z.object({ kind: z.literal("conversation-created"), ...ofConversation }),
  z.object({
    kind: z.literal("participants-changed"),
    ...ofConversation,
    added: z.array(UserId),
    removed: z.array(UserId),
  }),
  z.object({ kind: z.literal("metadata-changed"), ...ofConversation }),
  z.object({ kind: z.literal("conversation-deleted"), ...ofConversation }),
  /** From one user's view, up to a position. */
  z.object({ kind: z.literal("conversation-cleared"), ...ofConversation, throughPosition: Position }),
  z.object({ kind: z.literal("conversation-read"), ...ofConversation, userId: UserId, throughPosition: Position }),
  z.object({ kind: z.literal("message-created"), ...ofMessage }),
  z.object({ kind: z.literal("message-updated"), ...ofMessage, changed: z.array(PartId), removed: z.array(PartId) }),
  /** `isForAll` false: from the receiver's view alone. */
  z.object({ kind: z.literal("message-deleted"), ...ofMessage, isForAll: z.boolean() }),
  z.object({
    kind: z.literal("message-receipts"),
    ...ofMessage,
    receipts: z.array(z.object({ userId: UserId, kind: ReceiptKind })),
  }),
  z.object({ kind: z.literal("announcement-received"), announcementId: AnnouncementId }),
  /** Of the receivers' own. */
  z.object({
    kind: z.literal("announcement-receipts"),
    announcementId: AnnouncementId,
    receipts: z.array(z.object({ userId: UserId, kind: AnnouncementReceiptKind })),
  }),
  /** It says something else now, to whoever has it. */
  z.object({ kind: z.literal("announcement-corrected"), announcementId: AnnouncementId }),
  /** Recalled, or over: nobody has it any more. */
  z.object({ kind: z.literal("announcement-withdrawn"), announcementId: AnnouncementId }),
  z.object({ kind: z.literal("identity-changed"), userId: UserId }),
  z.object({ kind: z.literal("following-changed"), followed: z.array(UserId), unfollowed: z.array(UserId) }),
]);
export type Change = z.infer<typeof Change>;

/**
 * Who shall hear of a change. The empty string, which is no user's id, stands for all of the app: whom it is about is then
 * asked when it is told.
 */
const Receivers = z.array(z.string().max(128)).min(1);

/** A change is in the replay log, and may be told from now on. May come again: telling it twice is harmless. */
export const ChangeLogged = defineEvent({
  name: "realtime.change.logged",
  version: 1,
  producer: "realtime",
  payload: z.object({ at: Millis, receivers: Receivers, change: Change }),
});

/** What a user shows herself as, and when she was here: as she sees it herself, so also that she hides. */
export const GetPresence = defineQuery({
  service: "realtime",
  name: "GetPresence",
  version: 1,
  payload: z.object({ userId: UserId }),
  reply: z.object({
    status: z.enum(["available", "busy", "away", "invisible", "offline"]),
    lastSeenAt: Millis.nullable(),
  }),
});

/** Which of these users have a socket open, at whichever replica. What died without a word counts for up to 90 s more. */
export const FindOnlineUsers = defineQuery({
  service: "realtime",
  name: "FindOnlineUsers",
  version: 1,
  payload: z.object({ userIds: z.array(UserId).max(1_000) }),
  reply: z.object({ online: z.array(UserId) }),
});
