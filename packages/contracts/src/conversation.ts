import { z } from "zod";
import { defineCommand, defineEvent, defineQuery } from "./define.ts";
import { Freeze, RoleOfUser } from "./conversation-roles.ts";
import { ConversationLifecycle, ConversationTerms, VisibleHistory } from "./conversation-terms.ts";
import { ConversationId, Metadata, Millis, Position, UserId } from "./values.ts";

/** The most participants that any app may allow (an app's own limit is lower by default). */
const MAX_PARTICIPANTS = 1_000;
const Participants = z.array(UserId).max(MAX_PARTICIPANTS);

/** A conversation as its app's backend sees it. */
export const Conversation = z.object({
  conversationId: ConversationId,
  createdAt: Millis,
  /** In the order in which they came. */
  participants: Participants,
  distinct: z.boolean(),
  metadata: Metadata,
  /** Goes up with every change of participants or metadata. */
  version: z.number().int(),
  /** Of its newest message; 0 before the first. */
  lastPosition: Position,
  /** Present where something was asked for that happens by itself. Users are not shown it. */
  lifecycle: ConversationLifecycle.optional(),
  /** Absent: `all`. */
  visibleHistory: VisibleHistory.optional(),
  /** Participants who have another role than `member`, where there are any. */
  roles: z.array(RoleOfUser).optional(),
  /** Present while it is frozen. */
  freeze: Freeze.optional(),
});
export type Conversation = z.infer<typeof Conversation>;

/** What an app allows at the moment of the request; the handler has nobody to ask. */
export const ConversationLimits = z.object({
  maxParticipants: z.number().int().min(1).max(MAX_PARTICIPANTS),
  /** Of the metadata as JSON, in bytes of UTF-8. */
  maxMetadataBytes: z.number().int().min(2),
});
export type ConversationLimits = z.infer<typeof ConversationLimits>;

/**
 * Creates a conversation, or finds the distinct one with the same participants. Participants whom the directory does
 * not know are made known to it first. `conflict`: the distinct one has other metadata and stays as it is. `in-use`: the
 * id was taken by another command; `conversation` is null when it has been deleted since, and to a `creator` who does not
 * see it yet. With `terms` it may open later, begin with messages, close, and be deleted, all by itself.
 */
export const CreateConversation = defineCommand({
  service: "conversation",
  lane: "conversations",
  name: "CreateConversation",
  version: 1,
  payload: z.object({
    conversationId: ConversationId,
    /** None only where somebody is invited. */
    participants: Participants,
    /** Users who may come, and are no participants until they do. */
    invited: Participants.optional(),
    distinct: z.boolean(),
    /** null: none was given, which agrees with whatever a distinct conversation has. */
    metadata: Metadata.nullable(),
    limits: ConversationLimits,
    /** The user who makes it, to whom one that is not open yet is not there; null or absent: the backend. */
    creator: UserId.nullable().optional(),
    terms: ConversationTerms.optional(),
    /** Roles of participants other than `member`; others are passed over, and all are where it is found. */
    roles: z.array(RoleOfUser).max(MAX_PARTICIPANTS).optional(),
  }),
  reply: z.object({
    outcome: z.enum(["created", "found", "conflict", "in-use"]),
    conversation: Conversation.nullable(),
  }),
  orderedBy: ({ conversationId }) => conversationId,
});

/** One step of a change. Adding who is there and removing who is not changes nothing. */
export const ConversationChange = z.discriminatedUnion("kind", [
  z.object({ kind: z.literal("add-participant"), userId: UserId }),
  z.object({ kind: z.literal("remove-participant"), userId: UserId }),
  z.object({ kind: z.literal("set-participants"), userIds: Participants.min(1) }),
  /** An empty path replaces the whole; missing parents are made. */
  z.object({ kind: z.literal("set-metadata"), path: z.array(z.string()), value: z.union([z.string(), Metadata]) }),
  z.object({ kind: z.literal("delete-metadata"), path: z.array(z.string()) }),
]);
export type ConversationChange = z.infer<typeof ConversationChange>;

/**
 * Applies all changes in order, or none. Other participants than before make a conversation no longer distinct.
 * Refused: `not_found`; `object_deleted`; `access_denied` when `actor` has left, or when her role does not allow it
 * (details.reason, details.requiredRole); `user_banned` for who is banned from it (details.userIds); `invalid_property`
 * (details.property) beyond a limit or through a string on a metadata path.
 */
export const ChangeConversation = defineCommand({
  service: "conversation",
  lane: "conversations",
  name: "ChangeConversation",
  version: 1,
  payload: z.object({
    conversationId: ConversationId,
    /** The user who does it, who must be a participant; null: the backend. */
    actor: UserId.nullable(),
    changes: z.array(ConversationChange).max(10_000),
    limits: ConversationLimits,
  }),
  reply: Conversation,
  orderedBy: ({ conversationId }) => conversationId,
});

/** Deletes a conversation for everybody and for good. Again: the same. Refused: `not_found`; `access_denied`. */
export const DeleteConversation = defineCommand({
  service: "conversation",
  lane: "conversations",
  name: "DeleteConversation",
  version: 1,
  payload: z.object({ conversationId: ConversationId, actor: UserId.nullable() }),
  orderedBy: ({ conversationId }) => conversationId,
});

/**
 * Deletes a conversation for one user: its messages so far are gone from her view, and it is back in her list with the
 * next message, unless she leaves with it. Refused: `not_found`, also for who never was in it; `object_deleted`.
 */
export const ClearConversation = defineCommand({
  service: "conversation",
  lane: "conversations",
  name: "ClearConversation",
  version: 1,
  payload: z.object({ conversationId: ConversationId, userId: UserId, leave: z.boolean() }),
  orderedBy: ({ conversationId }) => conversationId,
});

/**
 * Takes a user who was deleted out of a conversation, as if she had never been in it; what she said stays. Nothing happens
 * where she came into it after `at`, and in a conversation that is deleted. Never refused.
 */
export const ForgetParticipant = defineCommand({
  service: "conversation",
  lane: "conversations",
  name: "ForgetParticipant",
  version: 1,
  payload: z.object({ conversationId: ConversationId, userId: UserId, at: Millis }),
  orderedBy: ({ conversationId }) => conversationId,
});

/**
 * Marks everything up to a position (null: the newest) as read by a participant. Answers the position that was used.
 * Refused: `not_found`; `object_deleted`; `access_denied` for who is no participant.
 */
export const MarkAllRead = defineCommand({
  service: "conversation",
  lane: "conversations",
  name: "MarkAllRead",
  version: 1,
  payload: z.object({ conversationId: ConversationId, userId: UserId, position: Position.nullable(), at: Millis }),
  reply: z.object({ position: Position }),
  orderedBy: ({ conversationId }) => conversationId,
});

/** Whether there is such a conversation: `deleted` ones are remembered. */
export const ConversationState = z.enum(["present", "deleted", "absent"]);

export const GetConversation = defineQuery({
  service: "conversation",
  name: "GetConversation",
  version: 1,
  payload: z.object({ conversationId: ConversationId }),
  /** `conversation` is null unless `present`. */
  reply: z.object({ state: ConversationState, conversation: Conversation.nullable() }),
});

/** Of a user to a conversation. Who has `left` sees it without participants, up to the point where she left. */
export const Standing = z.enum(["participant", "left", "stranger"]);
export type Standing = z.infer<typeof Standing>;

/**
 * `<domain>.<entity>.<past tense>`: all events of conversations come in the order of `version` (the subject's version).
 * One that opens later is created, to all the world, as it opens.
 */
export const ConversationCreated = defineEvent({
  name: "conversation.conversation.created",
  version: 1,
  producer: "conversation",
  payload: z.object({
    conversationId: ConversationId,
    createdAt: Millis,
    participants: Participants,
    distinct: z.boolean(),
  }),
  consumedBy: ["directory.acquaintances", "realtime.changes"],
});

/** Somebody came or went. `participants` is who is in it now. De-duplicate by the subject's version. */
export const ParticipantsChanged = defineEvent({
  name: "conversation.participants.changed",
  version: 1,
  producer: "conversation",
  payload: z.object({
    conversationId: ConversationId,
    added: Participants,
    removed: Participants,
    participants: Participants,
    at: Millis,
  }),
  consumedBy: ["directory.acquaintances", "realtime.changes"],
});

/** The metadata is another: ask for it. */
export const MetadataChanged = defineEvent({
  name: "conversation.metadata.changed",
  version: 1,
  producer: "conversation",
  payload: z.object({ conversationId: ConversationId, at: Millis }),
  consumedBy: ["realtime.changes"],
});

/** Gone for everybody. `participants` is who was in it. */
export const ConversationDeleted = defineEvent({
  name: "conversation.conversation.deleted",
  version: 1,
  producer: "conversation",
  payload: z.object({ conversationId: ConversationId, participants: Participants, at: Millis }),
  consumedBy: ["realtime.changes"],
});

/** Gone from one user's view, up to a position. */
export const ConversationCleared = defineEvent({
  name: "conversation.conversation.cleared",
  version: 1,
  producer: "conversation",
  payload: z.object({ conversationId: ConversationId, userId: UserId, throughPosition: Position, at: Millis }),
  consumedBy: ["realtime.changes"],
});

/** A participant has read everything up to a position. */
export const ConversationRead = defineEvent({
  name: "conversation.conversation.read",
  version: 1,
  producer: "conversation",
  payload: z.object({ conversationId: ConversationId, userId: UserId, throughPosition: Position, at: Millis }),
  consumedBy: ["realtime.changes"],
});
