import type { IdentityClaims, IdentityFields, Session } from "@strata/contracts";
import { z } from "zod";
import type { UserRow } from "./user.ts";

/** A session as stored, by its token's hash only. It is over at `endedAt`, `expiresAt`, or when its user's sessions are. */
export const SessionRow = z.object({
  _id: z.string(),
  app: z.string(),
  userId: z.string(),
  hash: z.string(),
  beganAt: z.number(),
  /** A date, for the index that removes it then. */
  expiresAt: z.date(),
  endedAt: z.number().optional(),
  /** The command that began it, by which a redelivery knows its own row. */
  by: z.string(),
});
export type SessionRow = z.infer<typeof SessionRow>;

/** The session that a stored one still is; null once it, or all of its user's, has ended. */
export function validSession(row: SessionRow, user: UserRow | null, now: number): Session | null {
  const expiresAt = row.expiresAt.getTime();
  if (row.endedAt !== undefined || expiresAt <= now) return null;
  if (user?.userId === undefined || user.isSuspended || row.beganAt <= user.sessionsEndedAt) return null;
  return { userId: row.userId, expiresAt };
}

/** What claims make of a user without an identity; null where they name nobody: nobody is given an invented name. */
export function identityOfClaims(claims: IdentityClaims): IdentityFields | null {
  const { displayName, firstName = null, lastName = null, avatarUrl = null, publicKey = null } = claims;
  const name = displayName ?? [firstName, lastName].filter((part) => part !== null).join(" ");
  if (name === "") return null;
  return {
    displayName: name,
    avatarUrl,
    firstName,
    lastName,
    publicKey,
    phoneNumber: null,
    emailAddress: null,
    identityType: "user",
    metadata: {},
  };
}
