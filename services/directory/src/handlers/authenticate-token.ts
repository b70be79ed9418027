import type { AuthenticateToken, PayloadOf, ReplyOf } from "@strata/contracts";
import { type Delivery, type Outcome, reply } from "@strata/messaging";
import { grantOf, inApp } from "../domain/token.ts";
import type { AppStore } from "../store/app-store.ts";
import type { TokenStore } from "../store/token-store.ts";

/** What the token with this hash allows now. Unknown, revoked and expired are one answer: they tell a guesser nothing. */
export const authenticateToken =
  ({ tokens, apps }: { readonly tokens: TokenStore; readonly apps: Pick<AppStore, "find"> }) =>
  async ({
    payload,
  }: Delivery<PayloadOf<typeof AuthenticateToken>>): Promise<Outcome<ReplyOf<typeof AuthenticateToken>>> => {
    const token = await tokens.findByHash(payload.hash);
    const grant = token && grantOf(token, Date.now());
    const app = grant && grant.appId !== null ? await apps.find(grant.appId) : null;
    return reply({ grant: grant && app ? inApp(grant, app) : grant });
  };
