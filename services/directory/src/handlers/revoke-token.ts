import { type EmptyReply, NO_APP, type PayloadOf, type RevokeToken, TokenRevoked } from "@strata/contracts";
import { ack, type Delivery, type Outcome, type Publisher, refuse } from "@strata/messaging";
import { DomainError } from "@strata/runtime";
import type { TokenStore } from "../store/token-store.ts";

interface Deps {
  readonly tokens: TokenStore;
  readonly publisher: Publisher;
}

/** Ends a token and tells every gateway, each time it is asked: a gateway that hears it twice has nothing left to drop. */
export const revokeToken =
  ({ tokens, publisher }: Deps) =>
  async (delivery: Delivery<PayloadOf<typeof RevokeToken>>): Promise<Outcome<EmptyReply>> => {
    const { tokenId, accountId } = delivery.payload;
    const revoked = await tokens.revoke(accountId, tokenId, Date.now(), delivery.id);
    if (!revoked) return refuse(new DomainError("not_found", { property: "token_id" }));
    const { token } = revoked;

    await publisher.emit(
      TokenRevoked,
      token.appId ?? NO_APP,
      { tokenId, hash: token.hash },
      { id: `${delivery.id}.token-revoked`, cause: delivery, subjectVersion: token.version },
    );
    return ack;
  };
