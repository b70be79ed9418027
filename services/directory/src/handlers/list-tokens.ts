import { type ListTokens, type PayloadOf, type ReplyOf, Token } from "@strata/contracts";
import { type Delivery, type Outcome, reply } from "@strata/messaging";
import type { TokenStore } from "../store/token-store.ts";

/** The account's tokens, oldest first, ended ones too; without their hashes, which are nobody's business. */
export const listTokens =
  ({ tokens }: { readonly tokens: TokenStore }) =>
  async ({ payload }: Delivery<PayloadOf<typeof ListTokens>>): Promise<Outcome<ReplyOf<typeof ListTokens>>> => {
    const found = await tokens.list(payload.accountId);
    return reply({ tokens: found.map((token) => Token.parse(token)) });
  };
