import type { AuthenticateToken, PayloadOf, ReplyOf } from "@strata/contracts";
import { type Delivery, type Outcome, reply } from "@strata/messaging";
import { grantOf } from "../domain/token.ts";
import type { TokenStore } from "../store/token-store.ts";

/** What the token with this hash allows now. Unknown, revoked and expired are one answer: they tell a guesser nothing. */
export const authenticateToken =
  ({ tokens }: { readonly tokens: TokenStore }) =>
  async ({
    payload,
  }: Delivery<PayloadOf<typeof AuthenticateToken>>): Promise<Outcome<ReplyOf<typeof AuthenticateToken>>> => {
    const token = await tokens.findByHash(payload.hash);
    return reply({ grant: token && grantOf(token, Date.now()) });
  };
