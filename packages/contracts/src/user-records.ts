import { z } from "zod";
import { Role } from "./conversation-roles.ts";
import { defineQuery } from "./define.ts";
import { FlagReason, FlagState } from "./flag.ts";
import { InviteState } from "./invite.ts";
import { NewPart, Part } from "./message.ts";
import { ModerationDecision, Review } from "./moderation.ts";
import { ConversationId, MessageId, Metadata, Millis, UserId } from "./values.ts";

/**
 * What a service keeps of one user that no other query tells, for her export: kind by kind and page by page. Of other users
 * there are ids, and only where they are no secret from her; nothing that they wrote.
 */

const MAX_PER_PAGE = 500;
/** Where the next page begins: only the service that said it knows what it means. */
const Place = z.string().max(1_024).nullable();
const Page = { after: Place, limit: z.number().int().min(1).max(MAX_PER_PAGE) };

/** A flag that was taken back stays, and so it is in the export. */
const KeptFlagState = z.enum([...FlagState.options, "withdrawn"]);
const AboutFlag = {
  flagId: z.uuid(),
  messageId: MessageId.nullable(),
  conversationId: ConversationId.nullable(),
  reason: FlagReason,
  state: KeptFlagState,
  createdAt: Millis,
  changedAt: Millis,
};

export const DirectoryRecordKind = z.enum([
  "user_facts",
  "session",
  "flag_made",
  "flag_against",
  "moderation_decision",
  "mute",
]);
export type DirectoryRecordKind = z.infer<typeof DirectoryRecordKind>;

export const DirectoryRecord = z.discriminatedUnion("type", [
  z.object({
    type: z.literal("user_facts"),
    createdAt: Millis.nullable(),
    firstSessionAt: Millis.nullable(),
    lastSeenAt: Millis.nullable(),
    visitedAt: Millis.nullable(),
    locale: z.string().nullable(),
    timeZone: z.string().nullable(),
    externalUnread: z.number().int(),
    /** How many users block her. Who they are is theirs: she never hears of it otherwise. */
    blockedByCount: z.number().int(),
    /** What the flags against her come to; null: there are none. */
    moderationScore: z.number().int().nullable(),
  }),
  z.object({
    type: z.literal("device_facts"),
    deviceId: z.string(),
    platform: z.string().nullable(),
    appVersion: z.string().nullable(),
    locale: z.string().nullable(),
    timeZone: z.string().nullable(),
    registeredAt: Millis,
  }),
  z.object({ type: z.literal("session"), beganAt: Millis, expiresAt: Millis, endedAt: Millis.nullable() }),
  z.object({ type: z.literal("flag_made"), ...AboutFlag, userId: UserId, comment: z.string().nullable() }),
  /** Neither who flagged her nor what he wrote, by which she would know him. */
  z.object({ type: z.literal("flag_against"), ...AboutFlag }),
  z.object({
    type: z.literal("moderation_decision"),
    ...ModerationDecision.pick({ decisionId: true, threshold: true, score: true, at: true, state: true }).shape,
    actions: z.array(z.string()),
    verdict: Review.shape.verdict.nullable(),
    reviewedAt: Millis.nullable(),
  }),
  z.object({ type: z.literal("mute"), decisionId: z.string(), until: Millis }),
]);
export type DirectoryRecord = z.infer<typeof DirectoryRecord>;

export const ListDirectoryRecords = defineQuery({
  service: "directory",
  name: "ListDirectoryRecords",
  version: 1,
  payload: z.object({ userId: UserId, kind: DirectoryRecordKind, ...Page }),
  reply: z.object({ records: z.array(DirectoryRecord), next: Place }),
});

export const ConversationRecordKind = z.enum([
  "membership",
  "ban",
  "ban_imposed",
  "invite",
  "invite_made",
  "refused_message",
  "membership_rule",
  "message_scheduled",
  "message_sent",
]);
export type ConversationRecordKind = z.infer<typeof ConversationRecordKind>;

export const ConversationRecord = z.discriminatedUnion("type", [
  z.object({
    type: z.literal("membership"),
    conversationId: ConversationId,
    addedAt: Millis,
    hasLeft: z.boolean(),
    /** She cleared it, or it is not open yet. */
    isHidden: z.boolean(),
    isDeleted: z.boolean(),
    /** null once the conversation is gone. */
    role: Role.nullable(),
    isMuted: z.boolean(),
  }),
  /** Against others, by her: with her own words. Kind `membership` has those of a conversation that she is or was in. */
  z.object({
    type: z.literal("mute_imposed"),
    conversationId: ConversationId,
    userId: UserId,
    reason: z.string().nullable(),
    at: Millis,
    until: Millis.nullable(),
  }),
  z.object({
    type: z.literal("freeze_imposed"),
    conversationId: ConversationId,
    reason: z.string().nullable(),
    at: Millis,
  }),
  z.object({
    type: z.literal("ban_imposed"),
    conversationId: ConversationId,
    userId: UserId,
    reason: z.string().nullable(),
    at: Millis,
    expiresAt: Millis.nullable(),
  }),
  z.object({
    type: z.literal("ban"),
    conversationId: ConversationId,
    at: Millis,
    expiresAt: Millis.nullable(),
  }),
  z.object({
    type: z.literal("invite"),
    inviteId: z.uuid(),
    conversationId: ConversationId,
    inviter: UserId.nullable(),
    metadata: Metadata,
    createdAt: Millis,
    expiresAt: Millis.nullable(),
    state: InviteState,
  }),
  /** Not the code, by which others come. */
  z.object({
    type: z.literal("invite_made"),
    inviteId: z.uuid(),
    conversationId: ConversationId,
    userId: UserId.nullable(),
    metadata: Metadata,
    createdAt: Millis,
    expiresAt: Millis.nullable(),
    state: InviteState,
  }),
  z.object({
    type: z.literal("refused_message"),
    refusalId: z.uuid(),
    conversationId: ConversationId,
    messageId: MessageId,
    rule: z.string(),
    text: z.string().nullable(),
    at: Millis,
  }),
  /** What a membership rule has done about her: put her somewhere, or warned her (null). */
  z.object({
    type: z.literal("membership_rule"),
    ruleId: z.string(),
    conversationId: z.string().nullable(),
    at: Millis,
  }),
  /** Waits for its time. */
  z.object({
    type: z.literal("message_scheduled"),
    messageId: MessageId,
    conversationId: ConversationId,
    parts: z.array(NewPart),
  }),
  /** Also where she has left, or cleared what was said. */
  z.object({
    type: z.literal("message_sent"),
    messageId: MessageId,
    conversationId: ConversationId,
    sentAt: Millis,
    parts: z.array(Part),
  }),
]);
export type ConversationRecord = z.infer<typeof ConversationRecord>;

export const ListConversationRecords = defineQuery({
  service: "conversation",
  name: "ListConversationRecords",
  version: 1,
  payload: z.object({ userId: UserId, kind: ConversationRecordKind, ...Page }),
  reply: z.object({ records: z.array(ConversationRecord), next: Place }),
});

/** The pushes that count under a user's caps: all that is remembered of pushes by user, for as long as the longest cap looks back. */
export const ListCountedPushes = defineQuery({
  service: "push-delivery",
  name: "ListCountedPushes",
  version: 1,
  payload: z.object({ userId: UserId }),
  reply: z.object({ pushes: z.array(z.object({ subject: z.string(), category: z.string(), at: Millis })).max(5_000) }),
});
