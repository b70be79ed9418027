import {
  type AccountMember,
  type Actor,
  type App,
  type AuditEntry,
  closedState,
  type Grant,
  isAppScope,
  mayGrant,
  MAX_LIVE_TOKENS,
  MEMBER_TOKEN_TTL_MS,
  type PayloadOf,
  type RotateToken,
  type Scope,
  scopeOfRole,
  Token,
  TokenHash,
} from "@strata/contracts";
import { DomainError } from "@strata/runtime";
import { z } from "zod";
import type { KnownMember } from "./members.ts";

/** A token with what only the directory knows of it. */
export const KnownToken = Token.extend({ hash: TokenHash, version: z.number().int() });
export type KnownToken = z.infer<typeof KnownToken>;

interface Wanted {
  readonly appId: string | null;
  readonly scopes: readonly Scope[];
  readonly expiresAt: number | null;
  readonly actor?: Actor | undefined;
}

/**
 * Why a token may not be created as asked, or null. Judged by the moment the command was sent, so that a redelivery
 * comes to the same answer.
 */
export function refusalOf(wanted: Wanted, sentAt: Date): DomainError | null {
  if (wanted.appId !== null && !wanted.scopes.every(isAppScope)) {
    const message = "a token of an app cannot administer the account";
    return new DomainError("invalid_property", { property: "scopes" }, { message });
  }
  if (wanted.expiresAt !== null && wanted.expiresAt <= sentAt.getTime()) {
    return new DomainError("invalid_property", { property: "expires_at" }, { message: "expires_at is in the past" });
  }
  return passingOn(wanted);
}

/**
 * Nobody passes on more than she has, nor for longer. A member has what she has for as long as she is one: the end of her
 * token is not hers. Commands from before there were actors say nothing of theirs.
 */
function passingOn({ actor, scopes, expiresAt }: Wanted): DomainError | null {
  if (actor === undefined) return null;
  const beyond = scopes.find((scope) => !mayGrant(actor.scopes, scope));
  if (beyond !== undefined) {
    const message = `The token that asks cannot give the scope ${beyond}`;
    return new DomainError("access_denied", { property: "scopes" }, { message });
  }
  if (actor.kind !== "member" && actor.expiresAt !== null && (expiresAt === null || expiresAt > actor.expiresAt)) {
    const message = `The token that asks ends at ${new Date(actor.expiresAt).toISOString()}, and cannot give longer`;
    return new DomainError("access_denied", { property: "expires_at" }, { message });
  }
  return null;
}

export const tooManyTokens = (): DomainError => {
  const message = `At most ${MAX_LIVE_TOKENS} tokens of an app, or of an account itself, live at once: revoke some of them`;
  return new DomainError("invalid_operation", {}, { message });
};

/** A member's token grants what she is at this moment, whatever it granted before; once she is none, it has ended. */
export function ofMember<T extends Token>(token: T, member: Pick<AccountMember, "role"> | null): T {
  if (token.memberId === undefined) return token;
  if (member === null) return { ...token, revokedAt: token.revokedAt ?? token.createdAt };
  return { ...token, scopes: [scopeOfRole(member.role)] };
}

/**
 * Until when the token lives that comes in another's place, whose own end was `before`; or why there is none. A member's is
 * made by nobody but her, since whoever has its text acts as she does, and lives for its time at most.
 */
export function endOfNext(
  { memberId }: Token,
  before: number | null,
  { expiresAt, actor }: Pick<PayloadOf<typeof RotateToken>, "expiresAt" | "actor">,
  sentAt: Date,
): number | null | DomainError {
  if (memberId === undefined) return expiresAt === undefined ? before : expiresAt;
  if (actor?.kind !== "member" || actor.id !== memberId) {
    return new DomainError("access_denied", {}, { message: "A member's token is rotated by herself alone" });
  }
  const latest = sentAt.getTime() + MEMBER_TOKEN_TTL_MS;
  if (expiresAt == null || expiresAt <= latest) return expiresAt ?? latest;
  const message = `expires_at of a member's token is at most ${MEMBER_TOKEN_TTL_MS / 86_400_000} days ahead`;
  return new DomainError("invalid_property", { property: "expires_at" }, { message });
}

/** What the token allows at this moment; null once it is revoked or expired. */
export function grantOf(token: Token, now: number): Grant | null {
  const { tokenId, accountId, appId, scopes, expiresAt, revokedAt, memberId } = token;
  if (revokedAt !== null || (expiresAt !== null && expiresAt <= now)) return null;
  return { tokenId, accountId, appId, scopes, expiresAt, ...(memberId === undefined ? {} : { memberId }) };
}

/** Whether the account is administered by the token at this moment, given who its members are. */
export function administers(token: Token, members: readonly KnownMember[], now: number): boolean {
  const member = members.find(({ memberId }) => memberId === token.memberId) ?? null;
  return grantOf(ofMember(token, member), now)?.scopes.includes("account:admin") ?? false;
}

/** What the audit log says of a token that came to be: all but its text and its hash. */
export function tokenMade(action: string, token: Token) {
  const { accountId, appId, tokenId, name, scopes, expiresAt } = token;
  const subject = { kind: "token", id: tokenId };
  return { accountId, appId, action, subject, before: null, after: { name, scopes, expiresAt } } satisfies Omit<
    AuditEntry,
    "entryId" | "at" | "actor"
  >;
}

/** The grant with what its app says to it. */
export function inApp(grant: Grant, app: App): Grant {
  const closed = closedState(app);
  return {
    ...grant,
    ...(app.environment === undefined ? {} : { environment: app.environment }),
    ...(closed === null ? {} : { closed }),
  };
}
