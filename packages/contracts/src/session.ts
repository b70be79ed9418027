import { z } from "zod";
import { AppEnvironment, ClosedState } from "./app.ts";
import { defineCommand, defineEvent, defineQuery } from "./define.ts";
import { IdentityFields, TokenHash } from "./directory.ts";
import { Millis, UserId } from "./values.ts";

/** A user who has logged in somewhere. */
export const Session = z.object({ userId: UserId, expiresAt: Millis });
export type Session = z.infer<typeof Session>;

/** What an identity token says of its user; what it leaves out stays as it is. */
export const IdentityClaims = IdentityFields.pick({
  displayName: true,
  firstName: true,
  lastName: true,
  avatarUrl: true,
  publicKey: true,
}).partial();
export type IdentityClaims = z.infer<typeof IdentityClaims>;

/**
 * Begins a session of the request's app, whose token the gateway has made and looked into: only its hash comes here. The
 * nonce is used up by it. A user's first session makes her known, and gives her an identity from the claims or changes
 * hers. Refused: `app_suspended`; `user_suspended`; `conflict` (`nonce`) for one that was used before.
 */
export const CreateSession = defineCommand({
  service: "directory",
  lane: "identities",
  name: "CreateSession",
  version: 1,
  payload: z.object({
    userId: UserId,
    hash: TokenHash,
    nonce: z.string().min(1).max(128),
    /** Until when the nonce could be used again if nobody remembered it. */
    nonceExpiresAt: Millis,
    claims: IdentityClaims,
    at: Millis,
    /** The environment that the app was named with; refused (`invalid_property`, `app_id`) where it is another. */
    environment: AppEnvironment.optional(),
  }),
  reply: Session,
  orderedBy: ({ userId }) => userId,
});

/** Ends one session of the request's app. One that there is none of, or that is over, is no error. */
export const EndSession = defineCommand({
  service: "directory",
  lane: "sessions",
  name: "EndSession",
  version: 1,
  payload: z.object({ hash: TokenHash, at: Millis }),
});

/** The session of the request's app with this token's hash; null: none, ended, expired, or of a user who may have none. */
export const AuthenticateSession = defineQuery({
  service: "directory",
  name: "AuthenticateSession",
  version: 1,
  payload: z.object({ hash: TokenHash }),
  /** `closed`: the app lets nobody in, whoever it is. */
  reply: z.object({ session: Session.nullable(), closed: ClosedState.optional() }),
});

/** One session is no more: its user has logged out. Bears repeating: whoever hears it drops what it knows of the session. */
export const SessionEnded = defineEvent({
  name: "directory.session.ended",
  version: 1,
  producer: "directory",
  payload: z.object({ userId: UserId, hash: TokenHash, at: Millis }),
});
