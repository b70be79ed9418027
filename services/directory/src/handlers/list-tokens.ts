import { type ListTokens, type PayloadOf, type ReplyOf, Token } from "@strata/contracts";
import { type Delivery, type Outcome, reply } from "@strata/messaging";
import { ofMember } from "../domain/token.ts";
import type { MembershipStore } from "../store/membership-store.ts";
import type { TokenStore } from "../store/token-store.ts";

/** The account's tokens, oldest first, ended ones too; without their hashes, which are nobody's business. */
export const listTokens =
  ({ tokens, memberships }: { readonly tokens: TokenStore; readonly memberships: Pick<MembershipStore, "find"> }) =>
  async ({ payload }: Delivery<PayloadOf<typeof ListTokens>>): Promise<Outcome<ReplyOf<typeof ListTokens>>> => {
    const [found, { members }] = await Promise.all([
      tokens.list(payload.accountId),
      memberships.find(payload.accountId),
    ]);
    const memberOf = ({ memberId }: Token) => members.find((member) => member.memberId === memberId) ?? null;
    return reply({ tokens: found.map((token) => Token.parse(ofMember(token, memberOf(token)))) });
  };
