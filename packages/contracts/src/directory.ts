import { z } from "zod";
import { Actor } from "./actor.ts";
import { App, AppEnvironment, ClosedState } from "./app.ts";
import { defineCommand, defineEvent, defineQuery } from "./define.ts";
import { Scope } from "./scope.ts";
import { AppId, Millis, Partition, UserId, userIdList } from "./values.ts";

/** SHA-256 of a token's text, hex: the only form in which a token leaves the gateway or is stored. */
export const TokenHash = z.string().regex(/^[0-9a-f]{64}$/);

/** What a valid token allows. An account token has no app and administers all apps of its account. */
export const Grant = z.object({
  tokenId: z.string(),
  accountId: z.string(),
  appId: AppId.nullable(),
  scopes: z.array(Scope),
  expiresAt: Millis.nullable(),
  /** The member of the account whose token it is; absent: nobody's in particular. */
  memberId: z.string().optional(),
  /** Of its app; absent: production. */
  environment: AppEnvironment.optional(),
  /** Why its app lets nobody in; absent: it does. */
  closed: ClosedState.optional(),
});
export type Grant = z.infer<typeof Grant>;

export const Token = Grant.extend({
  name: z.string(),
  createdAt: Millis,
  revokedAt: Millis.nullable(),
  /** To the minute; absent or null: never, or not since this is kept. */
  lastUsedAt: Millis.nullable().optional(),
  /** The token that was made in its place. */
  replacedBy: z.string().optional(),
});
export type Token = z.infer<typeof Token>;

export const IdentityFields = z.object({
  displayName: z.string(),
  avatarUrl: z.string().nullable(),
  firstName: z.string().nullable(),
  lastName: z.string().nullable(),
  phoneNumber: z.string().nullable(),
  emailAddress: z.string().nullable(),
  identityType: z.enum(["user", "bot"]),
  publicKey: z.string().nullable(),
  metadata: z.record(z.string(), z.string()),
});
export type IdentityFields = z.infer<typeof IdentityFields>;

export const Identity = IdentityFields.extend({
  userId: UserId,
  partition: Partition,
  createdAt: Millis,
  version: z.number().int(),
});
export type Identity = z.infer<typeof Identity>;

/** Creates an app under an account; the app's id is the caller's, so a repeat finds it. */
export const CreateApp = defineCommand({
  service: "directory",
  lane: "admin",
  name: "CreateApp",
  version: 1,
  payload: z.object({
    appId: AppId,
    accountId: z.string(),
    name: z.string().min(1).max(128),
    environment: AppEnvironment.optional(),
    /** An app of the account, beside which it is made. */
    siblingOf: AppId.optional(),
    actor: Actor.optional(),
  }),
  reply: App,
});

/** Stores a token's hash and what it allows. The token's text is shown once by the gateway and never sent. */
export const CreateToken = defineCommand({
  service: "directory",
  lane: "admin",
  name: "CreateToken",
  version: 1,
  payload: z.object({
    tokenId: z.uuid(),
    accountId: z.string(),
    appId: AppId.nullable(),
    name: z.string().min(1).max(128),
    scopes: z.array(Scope).min(1),
    expiresAt: Millis.nullable(),
    hash: TokenHash,
    actor: Actor.optional(),
  }),
  reply: Token,
});

/**
 * Ends a token. Every gateway hears `directory.token.revoked.v1` and forgets it at once. Refused: `not_found`;
 * `invalid_operation` for the last by which the account is administered.
 */
export const RevokeToken = defineCommand({
  service: "directory",
  lane: "admin",
  name: "RevokeToken",
  version: 1,
  payload: z.object({ tokenId: z.uuid(), accountId: z.string(), actor: Actor.optional() }),
});

/**
 * Creates a user's identity. Refused: `conflict` when she has one; `object_deleted` when it comes so late that it has been
 * deleted since.
 */
export const CreateIdentity = defineCommand({
  service: "directory",
  lane: "identities",
  name: "CreateIdentity",
  version: 1,
  payload: z.object({ userId: UserId, fields: IdentityFields }),
  reply: Identity,
  orderedBy: ({ userId }) => userId,
});

export const AuthenticateToken = defineQuery({
  service: "directory",
  name: "AuthenticateToken",
  version: 1,
  payload: z.object({ hash: TokenHash }),
  /** null: no such token, revoked, or expired. */
  reply: z.object({ grant: Grant.nullable() }),
});

export const GetApp = defineQuery({
  service: "directory",
  name: "GetApp",
  version: 1,
  payload: z.object({ accountId: z.string() }),
  /** The app of the request (AMQP `appId`), when it belongs to the account. */
  reply: z.object({ app: App.nullable() }),
});

export const ListApps = defineQuery({
  service: "directory",
  name: "ListApps",
  version: 1,
  payload: z.object({ accountId: z.string() }),
  reply: z.object({ apps: z.array(App) }),
});

/** Those that live first, each the newest first; of those that have ended, the latest. */
export const ListTokens = defineQuery({
  service: "directory",
  name: "ListTokens",
  version: 1,
  payload: z.object({
    accountId: z.string(),
    /** Whose: an app's, or the account's own with its members' (null). Absent: all of the account. */
    appId: z.string().nullable().optional(),
  }),
  reply: z.object({ tokens: z.array(Token) }),
});

/** Identities of up to 1,000 users; those without one are left out. */
export const GetIdentities = defineQuery({
  service: "directory",
  name: "GetIdentities",
  version: 1,
  payload: z.object({ userIds: z.array(UserId).max(1000) }),
  reply: z.object({ identities: z.array(Identity) }),
});

/** Which of up to 1,000 users do not exist. The known ones are the many, so only the others travel back. */
export const FindUnknownUsers = defineQuery({
  service: "directory",
  name: "FindUnknownUsers",
  version: 1,
  payload: z.object({
    userIds: userIdList(1_000),
    /** Asks also since when the known ones are known. */
    withKnownSince: z.boolean().optional(),
  }),
  reply: z.object({
    unknown: userIdList(1_000),
    /** With `withKnownSince`: of each user, in the order of `userIds`; null for who is unknown. */
    knownSince: z.array(Millis.nullable()).max(1_000).optional(),
  }),
});

/** A token grants nothing any more. Bears repeating: whoever hears it drops what it knows of the token. */
export const TokenRevoked = defineEvent({
  name: "directory.token.revoked",
  version: 1,
  producer: "directory",
  payload: z.object({ tokenId: z.uuid(), hash: TokenHash }),
});

/** There is a new app. De-duplicate by `appId`. */
export const AppCreated = defineEvent({
  name: "directory.app.created",
  version: 1,
  producer: "directory",
  payload: App,
});

/** There is a new user. De-duplicate by app and `userId`. */
export const IdentityCreated = defineEvent({
  name: "directory.identity.created",
  version: 1,
  producer: "directory",
  payload: z.object({ userId: UserId, partition: Partition, version: z.number().int() }),
  consumedBy: ["announcement-fanout.newcomers", "conversation.newcomers"],
});
