import { MAX_LIVE_TOKENS, NO_APP, type PayloadOf, type RotateToken, Token, TokenChanged } from "@strata/contracts";
import { type Delivery, type Outcome, type Publisher, refuse, reply } from "@strata/messaging";
import { DomainError } from "@strata/runtime";
import { entryOf } from "../domain/audit.ts";
import { endOfNext, ofMember, refusalOf, tokenMade, tooManyTokens } from "../domain/token.ts";
import type { AuditStore } from "../store/audit-store.ts";
import type { MembershipStore } from "../store/membership-store.ts";
import type { TokenStore } from "../store/token-store.ts";

interface Deps {
  readonly memberships: Pick<MembershipStore, "findMember">;
  readonly tokens: TokenStore;
  readonly audit: AuditStore;
  readonly publisher: Publisher;
}

/**
 * Makes a token in another's place. The old one is claimed first, so that of two who rotate it at once only one makes another;
 * a repeat finds its claim and what the old one was to live before. All times are counted from when the command was sent.
 */
export const rotateToken =
  ({ memberships, tokens, audit, publisher }: Deps) =>
  async (delivery: Delivery<PayloadOf<typeof RotateToken>>): Promise<Outcome<Token>> => {
    const { tokenId, accountId, newTokenId, hash, overlapMs, actor } = delivery.payload;
    const old = await tokens.find(accountId, tokenId);
    if (!old) return refuse(new DomainError("not_found", { property: "token_id" }));
    const before = old.replacement?.by === delivery.id ? old.replacement.expiresAt : old.token.expiresAt;
    const { appId, name, memberId } = old.token;
    const member = memberId === undefined ? null : await memberships.findMember(accountId, memberId);
    if (memberId !== undefined && member === null) return refuse(hasEnded());
    const { scopes } = ofMember(old.token, member);
    const expiresAt = endOfNext(old.token, before, delivery.payload, delivery.sentAt);
    if (expiresAt instanceof DomainError) return refuse(expiresAt);
    const refusal = refusalOf({ appId, scopes, expiresAt, actor }, delivery.sentAt);
    if (refusal) return refuse(refusal);
    const namesake = await tokens.find(accountId, newTokenId);
    if (namesake && namesake.by !== delivery.id) {
      return refuse(new DomainError("id_in_use", { token: Token.parse(namesake.token) }));
    }

    const at = delivery.sentAt.getTime();
    // The other one lives on during the overlap; without one there are no more of them than before.
    const isOneMore = overlapMs > 0 && old.replacement === null;
    if (isOneMore && (await tokens.countLive(old.token, at)) >= 2 * MAX_LIVE_TOKENS) return refuse(tooManyTokens());
    const claim = { tokenId: newTokenId, by: delivery.id };
    const replaced = await tokens.replace({ accountId, tokenId }, claim, { at, endsAt: at + overlapMs });
    if (replaced?.replacement?.by !== delivery.id) return refuse(hasEnded());
    const grant = { accountId, appId, scopes, expiresAt, ...(memberId === undefined ? {} : { memberId }) };
    const token = { tokenId: newTokenId, ...grant, name, hash, createdAt: at };
    const stored = await tokens.insertOrFind({ ...token, revokedAt: null, version: 1 }, delivery.id);
    if (!stored) return refuse(new DomainError("conflict", { property: "hash" }));

    const made = tokenMade("token.rotated", Token.parse(stored.token));
    const ends = { replaces: tokenId, replacedEndsAt: replaced.token.expiresAt };
    await audit.append(
      entryOf(delivery, { ...made, before: { replacedEndsAt: before }, after: { ...made.after, ...ends } }),
    );
    await publisher.emit(
      TokenChanged,
      appId ?? NO_APP,
      { tokenId, hash: replaced.token.hash },
      { id: `${delivery.id}.token-changed`, cause: delivery, subjectVersion: replaced.token.version },
    );
    return reply(Token.parse(stored.token));
  };

const hasEnded = (): DomainError =>
  new DomainError("invalid_operation", {}, { message: "The token has ended, or another was made in its place" });
