import { type GetToken, type ListTokens, type PayloadOf, type ReplyOf, Token } from "@strata/contracts";
import { type Delivery, type Outcome, reply } from "@strata/messaging";
import { ofMember } from "../domain/token.ts";
import type { MembershipStore } from "../store/membership-store.ts";
import type { TokenStore } from "../store/token-store.ts";

interface Deps {
  readonly tokens: TokenStore;
  readonly memberships: Pick<MembershipStore, "find" | "findMember">;
}

/** Tokens of the account, ended ones too; without their hashes, which are nobody's business. */
export const listTokens =
  ({ tokens, memberships }: Deps) =>
  async ({ payload }: Delivery<PayloadOf<typeof ListTokens>>): Promise<Outcome<ReplyOf<typeof ListTokens>>> => {
    const { accountId, appId } = payload;
    const [found, { members }] = await Promise.all([
      tokens.list(accountId, appId, Date.now()),
      memberships.find(accountId),
    ]);
    const memberOf = ({ memberId }: Token) => members.find((member) => member.memberId === memberId) ?? null;
    return reply({ tokens: found.map((token) => Token.parse(ofMember(token, memberOf(token)))) });
  };

/** One of them, however many there are. */
export const getToken =
  ({ tokens, memberships }: Deps) =>
  async ({ payload }: Delivery<PayloadOf<typeof GetToken>>): Promise<Outcome<ReplyOf<typeof GetToken>>> => {
    const { accountId, tokenId } = payload;
    const token = (await tokens.find(accountId, tokenId))?.token;
    if (!token) return reply({ token: null });
    const { memberId } = token;
    const member = memberId === undefined ? null : await memberships.findMember(accountId, memberId);
    return reply({ token: Token.parse(ofMember(token, member)) });
  };
