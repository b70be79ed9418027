import { type EmptyReply, NO_APP, type PayloadOf, type RevokeToken, TokenRevoked } from "@strata/contracts";
import { ack, type Delivery, type Outcome, type Publisher, refuse } from "@strata/messaging";
import { DomainError } from "@strata/runtime";
import { entryOf } from "../domain/audit.ts";
import type { AuditStore } from "../store/audit-store.ts";
import type { TokenStore } from "../store/token-store.ts";

interface Deps {
  readonly tokens: TokenStore;
  readonly audit: AuditStore;
  readonly publisher: Publisher;
}

/** Ends a token and tells every gateway, each time it is asked: a gateway that hears it twice has nothing left to drop. */
export const revokeToken =
  ({ tokens, audit, publisher }: Deps) =>
  async (delivery: Delivery<PayloadOf<typeof RevokeToken>>): Promise<Outcome<EmptyReply>> => {
    const { tokenId, accountId } = delivery.payload;
    const revoked = await tokens.revoke(accountId, tokenId, Date.now(), delivery.id);
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
