import { z } from "zod";
import { BadgeCounting } from "./badge.ts";
import { Actor } from "./actor.ts";
import { defineCommand, defineEvent, defineQuery } from "./define.ts";
import { DeletedBy } from "./user-deletion.ts";
import { Identity, IdentityFields } from "./directory.ts";
import { AppId, Millis, UserId, userIdList } from "./values.ts";

const TextField = z.enum([
  "displayName",
  "avatarUrl",
  "firstName",
  "lastName",
  "phoneNumber",
  "emailAddress",
  "publicKey",
]);

/** One step of a change of an identity; values are checked by whoever takes them from a caller. */
export const IdentityChange = z.discriminatedUnion("kind", [
  /** null empties the field; of `displayName` that is refused. */
  z.object({ kind: z.literal("set-text"), field: TextField, value: z.string().nullable() }),
  z.object({ kind: z.literal("set-type"), value: z.enum(["user", "bot"]) }),
  z.object({ kind: z.literal("set-metadata"), key: z.string(), value: z.string() }),
  z.object({ kind: z.literal("delete-metadata"), key: z.string() }),
  z.object({ kind: z.literal("replace-metadata"), metadata: z.record(z.string(), z.string()) }),
]);
export type IdentityChange = z.infer<typeof IdentityChange>;

/** What is done to one user, in the order sent. */
const ofUser = { service: "directory", lane: "identities", version: 1 } as const;
const byUser = ({ userId }: { readonly userId: string }): string => userId;

/**
 * Applies all changes in order, or none. Refused: `not_found` without an identity; `invalid_property` (`metadata`) with
 * more than 16 keys after it.
 */
export const ChangeIdentity = defineCommand({
  ...ofUser,
  name: "ChangeIdentity",
  payload: z.object({ userId: UserId, changes: z.array(IdentityChange).max(1_000) }),
  reply: Identity,
  orderedBy: byUser,
});

/** Puts this identity in place of the one there is. Refused: `not_found` without one. */
export const ReplaceIdentity = defineCommand({
  ...ofUser,
  name: "ReplaceIdentity",
  payload: z.object({ userId: UserId, fields: IdentityFields }),
  reply: Identity,
  orderedBy: byUser,
});

/** Takes a user's identity away; she stays a known user. Refused: `not_found` without one. */
export const DeleteIdentity = defineCommand({
  ...ofUser,
  name: "DeleteIdentity",
  payload: z.object({ userId: UserId }),
  orderedBy: byUser,
});

/**
 * Makes users known who were named somewhere without having an identity (server API 10.8). Who is known already stays
 * as she is. From then on FindUnknownUsers knows her, and GetIdentities still leaves her out.
 */
export const MakeUsersKnown = defineCommand({
  service: "directory",
  lane: "users",
  name: "MakeUsersKnown",
  version: 1,
  payload: z.object({ userIds: userIdList(1_000), at: Millis }),
});

/**
 * A user follows others, or no longer does. Whom she follows becomes known. Refused: `not_found` for a `userId` who is
 * not known.
 */
export const ChangeFollowing = defineCommand({
  ...ofUser,
  name: "ChangeFollowing",
  payload: z.object({
    userId: UserId,
    follow: z.array(UserId).max(1_000),
    unfollow: z.array(UserId).max(1_000),
    at: Millis,
  }),
  orderedBy: byUser,
});

export const IsFollowing = defineQuery({
  service: "directory",
  name: "IsFollowing",
  version: 1,
  payload: z.object({ userId: UserId, followed: UserId }),
  reply: z.object({ isFollowing: z.boolean() }),
});

/**
 * Whom a user follows, in the order of user ids (`compareUserIds`), from behind `after`, with their identities where
 * they have one: whom she followed, or ever shared a conversation with, and did not unfollow since.
 */
export const ListFollowing = defineQuery({
  service: "directory",
  name: "ListFollowing",
  version: 1,
  payload: z.object({
    userId: UserId,
    after: UserId.nullable(),
    limit: z.number().int().min(1).max(500),
    withIdentities: z.boolean(),
  }),
  reply: z.object({
    /** `identity` is null without one, and without `withIdentities`. */
    following: z.array(z.object({ userId: UserId, identity: Identity.nullable() })),
    total: z.number().int(),
  }),
});

/** Who follows a user, in the order of user ids, from behind `after`. */
export const ListFollowers = defineQuery({
  service: "directory",
  name: "ListFollowers",
  version: 1,
  payload: z.object({ userId: UserId, after: UserId.nullable(), limit: z.number().int().min(1).max(1_000) }),
  reply: z.object({ followers: z.array(UserId) }),
});

/** Which of these a user follows. */
export const FindFollowed = defineQuery({
  service: "directory",
  name: "FindFollowed",
  version: 1,
  payload: z.object({ userId: UserId, userIds: userIdList(1_000) }),
  reply: z.object({ followed: z.array(UserId) }),
});

/** The most users that one user may block. */
export const MAX_BLOCKS = 10_000;

export const BlocksChange = z.discriminatedUnion("kind", [
  z.object({ kind: z.literal("block"), userId: UserId }),
  z.object({ kind: z.literal("unblock"), userId: UserId }),
  z.object({ kind: z.literal("set"), userIds: z.array(UserId).max(MAX_BLOCKS) }),
]);
export type BlocksChange = z.infer<typeof BlocksChange>;

/**
 * Changes whom a user blocks, all changes in order or none. Refused: `not_found` for a user who is not known, unless she
 * is to be made known; `invalid_property` (`blocks`) with more than MAX_BLOCKS after it.
 */
export const ChangeBlocks = defineCommand({
  ...ofUser,
  name: "ChangeBlocks",
  payload: z.object({
    userId: UserId,
    changes: z.array(BlocksChange).max(10_000),
    /** 1.x: a user never seen is made known. */
    makeKnown: z.boolean(),
    /** The decision of the app's moderation that blocks or unblocks; else it is the user who wants it. */
    decisionId: z.uuid().optional(),
    at: Millis,
  }),
  orderedBy: byUser,
});

/** Whom a user blocks, the first blocked first. */
export const ListBlocks = defineQuery({
  service: "directory",
  name: "ListBlocks",
  version: 1,
  payload: z.object({ userId: UserId }),
  reply: z.object({ blocked: z.array(UserId) }),
});

/**
 * Who of some users blocks a sender, for several senders at once. Who blocks herself is not named. `withMutes`: also until when
 * each sender is muted by the app's moderation; null where she is not.
 */
export const FindBlockers = defineQuery({
  service: "directory",
  name: "FindBlockers",
  version: 1,
  payload: z.object({
    checks: z.array(z.object({ senderId: UserId, userIds: z.array(UserId).max(1_000) })).max(1_000),
    withMutes: z.boolean().optional(),
  }),
  /** In the order of `checks`. */
  reply: z.object({ blockers: z.array(z.array(UserId)), mutedUntil: z.array(Millis.nullable()).optional() }),
});

/** Suspends a user or lifts that. A suspension ends her sessions. Refused: `not_found` for who is not known. */
export const SuspendUser = defineCommand({
  ...ofUser,
  name: "SuspendUser",
  payload: z.object({ userId: UserId, isSuspended: z.boolean(), at: Millis }),
  orderedBy: byUser,
});

/** Ends all sessions that a user has begun until `at`. Refused: `not_found` for who is not known. */
export const EndSessions = defineCommand({
  ...ofUser,
  name: "EndSessions",
  payload: z.object({ userId: UserId, at: Millis }),
  orderedBy: byUser,
});

/** Sets what the app's own counter adds to a user's badge. Refused: `not_found` for who is not known. */
export const SetExternalUnread = defineCommand({
  ...ofUser,
  name: "SetExternalUnread",
  payload: z.object({ userId: UserId, count: z.number().int().min(0) }),
  orderedBy: byUser,
});

/**
 * The privacy deletion (server API 15): identity, sessions, blocks of and by her, follows, external count; whoever hears
 * `directory.user.deleted.v1` removes what else there is of her. What she said to others stays, from a user without an
 * identity. Refused: `not_found` for who is not known.
 */
export const DeleteUser = defineCommand({
  ...ofUser,
  name: "DeleteUser",
  /** `by`: who asks for it, for the report. */
  payload: z.object({ userId: UserId, at: Millis, by: DeletedBy.optional() }),
  orderedBy: byUser,
});

export const User = z.object({
  userId: UserId,
  /** null for a user who is known by name only. */
  identity: Identity.nullable(),
  isSuspended: z.boolean(),
  externalUnread: z.number().int(),
  /** Since when she is known. */
  createdAt: Millis.optional(),
  /** When she last was there by whatever sign, and as a visit; absent: never. */
  lastSeenAt: Millis.optional(),
  visitedAt: Millis.optional(),
});
export type User = z.infer<typeof User>;

export const GetUser = defineQuery({
  service: "directory",
  name: "GetUser",
  version: 1,
  payload: z.object({ userId: UserId }),
  reply: z.object({ user: User.nullable() }),
});

/** What `maxAudienceUsers` is where nobody has set it. */
export const DEFAULT_MAX_AUDIENCE_USERS = 10_000_000;

const RetentionDays = z.number().int().min(1).max(3_650);

/** For how many days announcements stay in the inboxes: by their category, else all; null: for good. */
export const AnnouncementRetention = z.object({
  defaultDays: RetentionDays.nullable(),
  categories: z
    .record(z.string().min(1).max(64), RetentionDays)
    .refine((categories) => Object.keys(categories).length <= 100, "has more than 100 categories"),
});
export type AnnouncementRetention = z.infer<typeof AnnouncementRetention>;

/** What may be set for an app. */
export const AppSettings = z.object({
  /** 30 s to a year. */
  sessionTtlSeconds: z.number().int().min(30).max(31_536_000),
  maxParticipants: z.number().int().min(1).max(1_000),
  /** Of its JSON. */
  maxConversationMetadataBytes: z.number().int().min(2).max(65_536),
  maxAnnouncementRecipients: z.number().int().min(1).max(100_000),
  maxPartsPerMessage: z.number().int().min(1).max(1_000),
  /** Of an audience (filter, segment, everyone) or an upload. Absent: as by default. */
  maxAudienceUsers: z.number().int().min(1).max(1_000_000_000).optional(),
  /** Of what is announced from now on. Absent: for good. */
  announcementRetention: AnnouncementRetention.optional(),
  /** What users see of each other; a backend sees all. false. */
  showsPhoneNumbers: z.boolean(),
  showsEmailAddresses: z.boolean(),
  showsMetadata: z.boolean(),
  /** What the number on the app's icon counts. Absent: as by default. */
  badgeCounting: BadgeCounting.optional(),
  /** Whether it counts unread announcements too. Absent: as by default. */
  badgeWithAnnouncements: z.boolean().optional(),
  /** Web origins whose pages may open sockets. Absent or empty: any. */
  allowedOrigins: z.array(z.string().min(1).max(255)).max(100).optional(),
});
export type AppSettings = z.infer<typeof AppSettings>;

/** What an app has that never set anything. */
export const DEFAULT_APP_SETTINGS: AppSettings = {
  sessionTtlSeconds: 30 * 86_400,
  maxParticipants: 250,
  maxConversationMetadataBytes: 2_048,
  maxAnnouncementRecipients: 100_000,
  maxPartsPerMessage: 1_000,
  maxAudienceUsers: DEFAULT_MAX_AUDIENCE_USERS,
  announcementRetention: { defaultDays: null, categories: {} },
  showsPhoneNumbers: false,
  showsEmailAddresses: false,
  showsMetadata: false,
  badgeCounting: "messages",
  badgeWithAnnouncements: true,
  allowedOrigins: [],
};

/** Changes the settings that are named, and no others. Refused: `not_found`. */
export const ChangeAppSettings = defineCommand({
  service: "directory",
  lane: "admin",
  name: "ChangeAppSettings",
  version: 1,
  payload: z.object({
    appId: AppId,
    /** The account that the app must belong to; null where the app's own token asks. */
    accountId: z.string().nullable(),
    settings: AppSettings.partial(),
    /** The app whose settings these are. */
    copiedFrom: AppId.optional(),
    actor: Actor.optional(),
  }),
  reply: AppSettings,
});

/** The settings of the request's app; null when there is no such app. */
export const GetAppSettings = defineQuery({
  service: "directory",
  name: "GetAppSettings",
  version: 1,
  payload: z.object({}),
  reply: z.object({ settings: AppSettings.nullable() }),
});

/**
 * Users became known at this time who have no identity: they were named somewhere. May come again. Who becomes known by
 * her identity is told of by `directory.identity.created.v1` alone.
 */
export const UsersKnown = defineEvent({
  name: "directory.user.known",
  version: 1,
  producer: "directory",
  payload: z.object({ userIds: userIdList(1_000), at: Millis }),
  consumedBy: ["announcement-fanout.newcomers"],
});

/** An identity was changed or replaced. Carries its version: ignore an older one. */
export const IdentityUpdated = defineEvent({
  name: "directory.identity.updated",
  version: 1,
  producer: "directory",
  payload: z.object({ userId: UserId, version: z.number().int() }),
  consumedBy: ["realtime.changes"],
});

/** A user has no identity any more. */
export const IdentityDeleted = defineEvent({
  name: "directory.identity.deleted",
  version: 1,
  producer: "directory",
  payload: z.object({ userId: UserId, version: z.number().int() }),
  consumedBy: ["realtime.changes"],
});

/** Whom a user follows has changed, by her own will. */
export const FollowingChanged = defineEvent({
  name: "directory.following.changed",
  version: 1,
  producer: "directory",
  payload: z.object({ userId: UserId, followed: z.array(UserId), unfollowed: z.array(UserId), at: Millis }),
  consumedBy: ["realtime.changes"],
});

/** Whom a user blocks has changed. Carries the version of her list. */
export const BlocksChanged = defineEvent({
  name: "directory.blocks.changed",
  version: 1,
  producer: "directory",
  payload: z.object({ userId: UserId, version: z.number().int() }),
});

/** A user was suspended or is no longer. Whoever holds sessions of hers ends them. */
export const UserSuspended = defineEvent({
  name: "directory.user.suspended",
  version: 1,
  producer: "directory",
  payload: z.object({ userId: UserId, isSuspended: z.boolean(), version: z.number().int(), at: Millis }),
  consumedBy: ["push-delivery.suspended-users"],
});

/** Sessions begun until `at` are no more. */
export const SessionsEnded = defineEvent({
  name: "directory.sessions.ended",
  version: 1,
  producer: "directory",
  payload: z.object({ userId: UserId, at: Millis }),
});

/** What the app itself counts has changed: the badge is another. */
export const ExternalUnreadChanged = defineEvent({
  name: "directory.badge.changed",
  version: 1,
  producer: "directory",
  payload: z.object({ userId: UserId, externalUnread: z.number().int(), version: z.number().int() }),
  consumedBy: ["push-delivery.badges"],
});

/** A user asked to be forgotten: remove what you have of her. */
export const UserDeleted = defineEvent({
  name: "directory.user.deleted",
  version: 1,
  producer: "directory",
  payload: z.object({ userId: UserId, at: Millis }),
  consumedBy: ["conversation.deleted-users", "push-delivery.deleted-users", "integration.deleted-users"],
});

/** Settings of an app are others: whoever keeps them asks again. */
export const AppSettingsChanged = defineEvent({
  name: "directory.app.updated",
  version: 1,
  producer: "directory",
  payload: z.object({ appId: AppId, version: z.number().int() }),
});
