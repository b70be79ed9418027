import { z } from "zod";
import { BeforeSend, BeforeSendVerdict } from "./before-send.ts";
import { Conversation, ConversationState, Standing } from "./conversation.ts";
import { defineCommand, defineEvent, defineQuery } from "./define.ts";
import {
  ContentId,
  ConversationId,
  MessageId,
  Millis,
  Notification,
  PartId,
  Position,
  ReceiptKind,
  Sender,
  UserId,
} from "./values.ts";

/** What one part says: its bytes inline (`body`), or a reference to bytes that were uploaded before. */
const PartContent = z.object({
  mimeType: z.string().min(1),
  /** null with `content`. */
  body: z.string().nullable(),
  /** null: `body` is text; base64: `body` is bytes that are not valid UTF-8. */
  encoding: z.literal("base64").nullable(),
  content: z.object({ contentId: ContentId, size: z.number().int().nonnegative() }).nullable(),
});

/** A part as it is sent; without a `partId` the service makes one. */
export const NewPart = PartContent.extend({ partId: PartId.nullable() });
export type NewPart = z.infer<typeof NewPart>;

export const Part = PartContent.extend({
  partId: PartId,
  /** When it was changed after it was sent; null: never. */
  updatedAt: Millis.nullable(),
});
export type Part = z.infer<typeof Part>;

export const MessageStatus = z.enum(["sent", "delivered", "read"]);
export type MessageStatus = z.infer<typeof MessageStatus>;

/** A message as its app's backend sees it. */
export const Message = z.object({
  messageId: MessageId,
  conversationId: ConversationId,
  position: Position,
  sentAt: Millis,
  sender: Sender,
  parts: z.array(Part),
  /** Everybody who was in the conversation when it was sent; a sender among them has read it. */
  recipients: z.array(z.object({ userId: UserId, status: MessageStatus })),
  /** When a part was changed last. */
  updatedAt: Millis.nullable(),
});
export type Message = z.infer<typeof Message>;

/** A message as one user sees it. */
export const UserMessage = Message.extend({ isUnread: z.boolean(), receivedAt: Millis.nullable() });
export type UserMessage = z.infer<typeof UserMessage>;

/** A conversation as one user sees it: without participants once she has left. */
export const UserConversation = Conversation.omit({ lifecycle: true, visibleHistory: true, roles: true }).extend({
  lastMessage: UserMessage.nullable(),
  unreadCount: z.number().int(),
  messageCount: z.number().int(),
});
export type UserConversation = z.infer<typeof UserConversation>;

/**
 * In whose name: `backend`, any identity (2.0+) or a bare name; `participant`, a user who must be in the conversation,
 * else `invalid_property` (1.x); `user`, the user herself, who gets `not_found` as a stranger and `access_denied` once
 * she has left.
 */
export const Authority = z.enum(["backend", "participant", "user"]);
export type Authority = z.infer<typeof Authority>;

const Draft = z.object({
  messageId: MessageId,
  sender: Sender,
  authority: Authority,
  parts: z.array(NewPart).min(1),
  notification: Notification.nullable(),
});

/**
 * Sends a message: it takes the conversation's next position. `in-use`: the id was taken by another command; `message`
 * is null when that message is in another conversation, was deleted, or is still to be sent by a schedule. `ask`: it would be
 * sent, but the app's backend is to be asked first; nothing is stored, and it is to be sent again with the verdict. Refused: `not_found`; `object_deleted`;
 * `access_denied`, also to a `user` whose role, mute or freeze does not allow it (details.reason); `invalid_property` for a sender who is no participant, and for content that is unknown or not
 * uploaded (`parts.content`).
 */
export const SendMessage = defineCommand({
  service: "conversation",
  lane: "conversations",
  name: "SendMessage",
  version: 1,
  payload: Draft.extend({
    conversationId: ConversationId,
    /** The id was made at random for this command, so that no schedule can hold it. Absent: it may be anybody's. */
    isIdNew: z.boolean().optional(),
    /** What the app's backend said of it; null: nobody is to be asked. Absent: nobody has been. */
    verdict: BeforeSendVerdict.nullable().optional(),
  }),
  reply: z.object({
    outcome: z.enum(["sent", "in-use", "ask"]),
    message: Message.nullable(),
    /** Whom to ask, with `ask`. */
    beforeSend: BeforeSend.optional(),
  }),
  orderedBy: ({ conversationId }) => conversationId,
});

export const MAX_MESSAGES_PER_BATCH = 12;

/**
 * Sends messages later, one after the other. Each delay counts from the message before; typing is shown for the last
 * `typingMs` of it. What is still to come when the conversation is deleted, or when its sender leaves, is dropped.
 * `in-use`: one of the ids was taken by another command, and nothing is scheduled. Refused as SendMessage.
 */
export const ScheduleMessages = defineCommand({
  service: "conversation",
  lane: "conversations",
  name: "ScheduleMessages",
  version: 1,
  payload: z.object({
    conversationId: ConversationId,
    messages: z
      .array(Draft.extend({ delayMs: z.number().int().nonnegative(), typingMs: z.number().int().nonnegative() }))
      .min(1)
      .max(MAX_MESSAGES_PER_BATCH),
    at: Millis,
  }),
  reply: z.object({ outcome: z.enum(["scheduled", "in-use"]) }),
  orderedBy: ({ conversationId }) => conversationId,
});

/** Deletes a message for everybody. Refused: `not_found`, also the second time; `object_deleted`; `access_denied`. */
export const DeleteMessage = defineCommand({
  service: "conversation",
  lane: "conversations",
  name: "DeleteMessage",
  version: 1,
  payload: z.object({ conversationId: ConversationId, messageId: MessageId, actor: UserId.nullable() }),
  orderedBy: ({ conversationId }) => conversationId,
});

/** Deletes a message from one user's view. Refused: `not_found`. */
export const HideMessage = defineCommand({
  service: "conversation",
  lane: "conversations",
  name: "HideMessage",
  version: 1,
  payload: z.object({ conversationId: ConversationId, messageId: MessageId, userId: UserId }),
  orderedBy: ({ conversationId }) => conversationId,
});

/** Names a part by its id, or by its index where ids are older than that (server API 7.6). */
const PartRef = z.union([z.object({ partId: PartId }), z.object({ index: z.number().int().nonnegative() })]);
export type PartRef = z.infer<typeof PartRef>;

export const PartsChange = z.discriminatedUnion("kind", [
  z.object({ kind: z.literal("append"), part: NewPart }),
  /** Keeps the id of the part. */
  z.object({ kind: z.literal("replace"), ref: PartRef, part: NewPart }),
  /** All parts get new ids, unless they bring some. */
  z.object({ kind: z.literal("replace-all"), parts: z.array(NewPart).min(1) }),
  z.object({ kind: z.literal("remove"), ref: PartRef }),
]);
export type PartsChange = z.infer<typeof PartsChange>;

/**
 * Changes the parts of a message that was sent. `changed`: the ids of the parts that are new or other than before.
 * Refused: `not_found` (message or part); `object_deleted`; `invalid_operation` to remove the last part;
 * `invalid_property` for content as in SendMessage, and for `parts` beyond `maxParts`.
 */
export const ChangeParts = defineCommand({
  service: "conversation",
  lane: "conversations",
  name: "ChangeParts",
  version: 1,
  payload: z.object({
    conversationId: ConversationId,
    messageId: MessageId,
    change: PartsChange,
    maxParts: z.number().int().min(1),
    at: Millis,
  }),
  reply: z.object({ message: Message, changed: z.array(PartId) }),
  orderedBy: ({ conversationId }) => conversationId,
});

/** Records that a user got or read a message. Only moves forward. Refused with `not_found` for who does not see it. */
export const RecordMessageReceipt = defineCommand({
  service: "conversation",
  lane: "receipts",
  name: "RecordMessageReceipt",
  version: 1,
  payload: z.object({ messageId: MessageId, userId: UserId, kind: ReceiptKind, at: Millis }),
});

const Page = { limit: z.number().int().min(1).max(100) };

/** A page of a conversation's messages, newest first; as `viewer` sees them, or all of them. */
export const ListMessages = defineQuery({
  service: "conversation",
  name: "ListMessages",
  version: 1,
  isReplyTrusted: true,
  payload: z.object({
    conversationId: ConversationId,
    viewer: UserId.nullable(),
    /** Rows come from behind this one. */
    after: MessageId.nullable(),
    ...Page,
  }),
  reply: z.object({
    state: ConversationState,
    /** Of the viewer; `participant` without one. A `stranger` gets nothing. */
    standing: Standing,
    /** null unless the conversation is present and the viewer no stranger, and when `after` is not in this list. */
    messages: z.array(UserMessage).nullable(),
    total: z.number().int(),
  }),
});

/** A message by its id; null when there is none, when it was deleted, and when `viewer` does not see it. */
export const GetMessage = defineQuery({
  service: "conversation",
  name: "GetMessage",
  version: 1,
  payload: z.object({
    messageId: MessageId,
    /** null: whichever it is in. */
    conversationId: ConversationId.nullable(),
    viewer: UserId.nullable(),
  }),
  reply: z.object({
    message: UserMessage.nullable(),
    /** Of the viewer to the message's conversation, also when it is not hers to see; `participant` without a viewer. */
    standing: Standing,
  }),
});

export const GetUserConversation = defineQuery({
  service: "conversation",
  name: "GetUserConversation",
  version: 1,
  payload: z.object({ conversationId: ConversationId, userId: UserId }),
  reply: z.object({
    state: ConversationState,
    standing: Standing,
    /** null unless present and no stranger's. */
    conversation: UserConversation.nullable(),
  }),
});

/** What one user sees of a message that is told once for all. */
const SeenBy = z.object({ messageId: MessageId, isUnread: z.boolean(), receivedAt: Millis.nullable() });

/**
 * One conversation, and some of its messages, as several users see them at this moment: what all see alike once, and what
 * differs for each. Strangers, and everybody where it is not present, are left out.
 */
export const GetConversationViews = defineQuery({
  service: "conversation",
  name: "GetConversationViews",
  version: 1,
  isReplyTrusted: true,
  payload: z.object({
    conversationId: ConversationId,
    userIds: z.array(UserId).max(1_000),
    messageIds: z.array(MessageId).max(100),
  }),
  reply: z.object({
    state: ConversationState,
    /** null unless present. */
    conversation: Conversation.nullable(),
    /** Those that were asked for and some user sees, and the last ones. */
    messages: z.array(Message),
    views: z.array(
      z.object({
        userId: UserId,
        standing: Standing,
        /** She cleared it, and no message has come since. */
        isHidden: z.boolean(),
        /** Up to where she cleared it; 0: never. */
        clearedThrough: Position,
        lastMessage: SeenBy.nullable(),
        unreadCount: z.number().int(),
        messageCount: z.number().int(),
        /** Of those that were asked for, what she sees. */
        messages: z.array(SeenBy),
      }),
    ),
  }),
});

/** Who is in each of these conversations; deleted and unknown ones are left out. */
export const FindParticipants = defineQuery({
  service: "conversation",
  name: "FindParticipants",
  version: 1,
  payload: z.object({ conversationIds: z.array(ConversationId).max(500) }),
  reply: z.object({ found: z.array(Conversation.pick({ conversationId: true, participants: true })) }),
});

export const ConversationOrder = z.enum(["created_at", "last_message"]);
export type ConversationOrder = z.infer<typeof ConversationOrder>;

/** A page of a user's conversations, newest first by either order; also those that she has left. */
export const ListUserConversations = defineQuery({
  service: "conversation",
  name: "ListUserConversations",
  version: 1,
  isReplyTrusted: true,
  payload: z.object({
    userId: UserId,
    order: ConversationOrder,
    after: ConversationId.nullable(),
    ...Page,
  }),
  /** `conversations` is null when `after` is not in this list. */
  reply: z.object({ conversations: z.array(UserConversation).nullable(), total: z.number().int() }),
});

/** What a user has not read in all of her conversations together. */
export const CountUnread = defineQuery({
  service: "conversation",
  name: "CountUnread",
  version: 1,
  payload: z.object({ userId: UserId }),
  reply: z.object({ unreadMessages: z.number().int(), unreadConversations: z.number().int() }),
});

/** What push-delivery says of a message; null once it, or its conversation, was deleted. Never changes otherwise, so it may be cached. */
export const GetMessageNotification = defineQuery({
  service: "conversation",
  name: "GetMessageNotification",
  version: 1,
  payload: z.object({ messageId: MessageId }),
  reply: z.object({ notification: Notification.nullable(), sender: Sender.nullable() }),
});

/**
 * There is a new message. `recipients` is who shall get it: participants other than the sender who do not block him. May
 * come again, with the same facts: de-duplicate by `messageId`.
 */
export const MessageCreated = defineEvent({
  name: "conversation.message.created",
  version: 1,
  producer: "conversation",
  payload: z.object({
    conversationId: ConversationId,
    messageId: MessageId,
    position: Position,
    sentAt: Millis,
    sender: Sender,
    recipients: z.array(UserId),
    hasNotification: z.boolean(),
  }),
  consumedBy: ["push-delivery.messages", "receipt-tracking.insight-events", "realtime.changes"],
});

/**
 * A message waited for longer than users should before it was there. For whoever works in bulk and can give way; told now and
 * then, not of every one.
 */
export const MessageDelayed = defineEvent({
  name: "conversation.message.delayed",
  version: 1,
  producer: "conversation",
  payload: z.object({
    /** From when it was sent until it was stored and told. */
    waitedMs: z.number().int().nonnegative(),
    at: Millis,
  }),
});

/** Parts of a message were changed: ask for them. */
export const MessageUpdated = defineEvent({
  name: "conversation.message.updated",
  version: 1,
  producer: "conversation",
  payload: z.object({
    conversationId: ConversationId,
    messageId: MessageId,
    changed: z.array(PartId),
    removed: z.array(PartId),
    at: Millis,
  }),
  consumedBy: ["realtime.changes"],
});

/** A message is gone, for everybody or from one user's view. */
export const MessageDeleted = defineEvent({
  name: "conversation.message.deleted",
  version: 1,
  producer: "conversation",
  payload: z.object({
    conversationId: ConversationId,
    messageId: MessageId,
    position: Position,
    /** null: for everybody. */
    userId: UserId.nullable(),
    at: Millis,
  }),
  consumedBy: ["realtime.changes"],
});

/** New receipts of one message. A fact may come again, grouped otherwise: de-duplicate by user and kind. */
export const MessageReceiptsRecorded = defineEvent({
  name: "conversation.receipt.recorded",
  version: 1,
  producer: "conversation",
  payload: z.object({
    conversationId: ConversationId,
    messageId: MessageId,
    position: Position,
    receipts: z.array(z.object({ userId: UserId, kind: ReceiptKind, at: Millis })).min(1),
  }),
  consumedBy: ["receipt-tracking.insight-events", "realtime.changes"],
});

/** A message is on its way, and its sender shall be seen typing for so long. Nothing is kept of it. */
export const TypingStarted = defineEvent({
  name: "conversation.typing.started",
  version: 1,
  producer: "conversation",
  payload: z.object({ conversationId: ConversationId, sender: Sender, forMs: z.number().int(), at: Millis }),
});
