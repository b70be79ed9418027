import type { AuthenticateToken, PayloadOf, ReplyOf } from "@strata/contracts";
import { type Delivery, type Outcome, reply } from "@strata/messaging";
import { grantOf, inApp, ofMember } from "../domain/token.ts";
import type { AppStore } from "../store/app-store.ts";
import type { MembershipStore } from "../store/membership-store.ts";
import type { TokenStore } from "../store/token-store.ts";

interface Deps {
  readonly tokens: TokenStore;
  readonly apps: Pick<AppStore, "find">;
  readonly memberships: Pick<MembershipStore, "findMember">;
}

/** What the token with this hash allows now. Unknown, revoked and expired are one answer: they tell a guesser nothing. */
export const authenticateToken =
  ({ tokens, apps, memberships }: Deps) =>
  async ({
    payload,
  }: Delivery<PayloadOf<typeof AuthenticateToken>>): Promise<Outcome<ReplyOf<typeof AuthenticateToken>>> => {
    const token = await tokens.findByHash(payload.hash);
    const memberId = token?.memberId;
    const member = memberId === undefined ? null : await memberships.findMember(token?.accountId ?? "", memberId);
    const grant = token && grantOf(ofMember(token, member), Date.now());
    const app = grant && grant.appId !== null ? await apps.find(grant.appId) : null;
    return reply({ grant: grant && app ? inApp(grant, app) : grant });
  };
