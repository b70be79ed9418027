import { type EmptyReply, NO_APP, type PayloadOf, type RevokeToken, TokenRevoked } from "@strata/contracts";
import { ack, type Delivery, type Outcome, type Publisher, refuse } from "@strata/messaging";
import { DomainError } from "@strata/runtime";
import { entryOf } from "../domain/audit.ts";
import { isActiveOwner } from "../domain/members.ts";
import { administers } from "../domain/token.ts";
import type { AuditStore } from "../store/audit-store.ts";
import type { MembershipStore } from "../store/membership-store.ts";
import type { TokenStore } from "../store/token-store.ts";

interface Deps {
  readonly memberships: Pick<MembershipStore, "find" | "letTokenEnd">;
  readonly tokens: TokenStore;
  readonly audit: AuditStore;
  readonly publisher: Publisher;
}

/** Ends a token and tells every gateway, each time it is asked: a gateway that hears it twice has nothing left to drop. */
export const revokeToken =
  (deps: Deps) =>
  async (delivery: Delivery<PayloadOf<typeof RevokeToken>>): Promise<Outcome<EmptyReply>> => {
    const { tokens, audit, publisher } = deps;
    const { tokenId, accountId } = delivery.payload;
    const at = Date.now();
    if (await isLastAdmin(deps, delivery.payload, at)) return refuse(lastAdmin());
    const revoked = await tokens.revoke(accountId, tokenId, at, delivery.id);
    if (!revoked) return refuse(new DomainError("not_found", { property: "token_id" }));
    const { token } = revoked;
    // Who revokes what has ended before changes nothing.
    if (revoked.by === delivery.id) {
      await audit.append(
        entryOf(delivery, {
          accountId,
          appId: token.appId,
          action: "token.revoked",
          subject: { kind: "token", id: tokenId },
          before: { name: token.name, revokedAt: null },
          after: { name: token.name, revokedAt: token.revokedAt },
        }),
      );
    }

    await publisher.emit(
      TokenRevoked,
      token.appId ?? NO_APP,
      { tokenId, hash: token.hash },
      { id: `${delivery.id}.token-revoked`, cause: delivery, subjectVersion: token.version },
    );
    return ack;
  };

/**
 * Whether nobody could administer the account without this token. One that may end is written down first, where whoever
 * decides at the same time, about another token or about an owner, finds it: he does not count on it.
 */
async function isLastAdmin(
  { memberships, tokens }: Pick<Deps, "memberships" | "tokens">,
  { accountId, tokenId }: PayloadOf<typeof RevokeToken>,
  at: number,
): Promise<boolean> {
  for (;;) {
    const read = await memberships.find(accountId);
    const found = await tokens.find(accountId, tokenId);
    const { members, endingTokens } = read;
    if (!found || !administers(found.token, members, at) || endingTokens.includes(tokenId)) return false;
    const memberIds = members.filter(isActiveOwner).map(({ memberId }) => memberId);
    const isAnotherLeft = await tokens.hasAdmin(accountId, at, { memberIds, except: [...endingTokens, tokenId] });
    if (!isAnotherLeft) return true;
    if (await memberships.letTokenEnd(accountId, read, tokenId)) return false;
  }
}

const lastAdmin = (): DomainError =>
  new DomainError(
    "invalid_operation",
    { property: "token_id" },
    { message: "It is the last token by which the account is administered: make another first, or rotate it" },
  );
