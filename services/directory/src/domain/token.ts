import { type CreateToken, type Grant, type PayloadOf, Token, TokenHash } from "@strata/contracts";
import { DomainError } from "@strata/runtime";
import { z } from "zod";

/** A token with what only the directory knows of it. */
export const KnownToken = Token.extend({ hash: TokenHash, version: z.number().int() });
export type KnownToken = z.infer<typeof KnownToken>;

/**
 * Why a token may not be created as asked, or null. Judged by the moment the command was sent, so that a redelivery
 * comes to the same answer.
 */
export function refusalOf(wanted: PayloadOf<typeof CreateToken>, sentAt: Date): DomainError | null {
  if (wanted.appId !== null && wanted.scopes.includes("account:admin")) {
    const message = "a token of an app cannot administer the account";
    return new DomainError("invalid_property", { property: "scopes" }, { message });
  }
  if (wanted.expiresAt !== null && wanted.expiresAt <= sentAt.getTime()) {
    return new DomainError("invalid_property", { property: "expires_at" }, { message: "expires_at is in the past" });
  }
  return null;
}

/** What the token allows at this moment; null once it is revoked or expired. */
export function grantOf(token: Token, now: number): Grant | null {
  const { tokenId, accountId, appId, scopes, expiresAt, revokedAt } = token;
  if (revokedAt !== null || (expiresAt !== null && expiresAt <= now)) return null;
  return { tokenId, accountId, appId, scopes, expiresAt };
}
