import { type CreateToken, MAX_LIVE_TOKENS, type PayloadOf, Token } from "@strata/contracts";
import { type Delivery, type Outcome, refuse, reply } from "@strata/messaging";
import { DomainError } from "@strata/runtime";
import { entryOf } from "../domain/audit.ts";
import { refusalOf, tokenMade, tooManyTokens } from "../domain/token.ts";
import type { AccountStore } from "../store/account-store.ts";
import type { AppStore } from "../store/app-store.ts";
import type { AuditStore } from "../store/audit-store.ts";
import type { TokenStore } from "../store/token-store.ts";

interface Deps {
  readonly accounts: AccountStore;
  readonly apps: AppStore;
  readonly tokens: TokenStore;
  readonly audit: AuditStore;
}

/** Stores a token by its hash. Only for the account itself, and for apps that it owns: another's app is not there. */
export const createToken =
  ({ accounts, apps, tokens, audit }: Deps) =>
  async (delivery: Delivery<PayloadOf<typeof CreateToken>>): Promise<Outcome<Token>> => {
    const { id, payload, sentAt } = delivery;
    const refusal = refusalOf(payload, sentAt) ?? (await ownerRefusal(payload)) ?? (await beyondLimit(payload));
    if (refusal) return refuse(refusal);

    const { actor: _actor, ...wanted } = payload;
    const token = { ...wanted, createdAt: Date.now(), revokedAt: null, version: 1 };
    const stored = await tokens.insertOrFind(token, id);
    if (!stored) return refuse(new DomainError("conflict", { property: "hash" }));
    // Through the contract, which knows no hash: it stays here.
    const shown = Token.parse(stored.token);
    if (stored.by !== id) return refuse(new DomainError("id_in_use", { token: shown }));
    await audit.append(entryOf(delivery, tokenMade("token.created", shown)));
    return reply(shown);

    /** Only of one that is not there: a repeat answers what the command made, however many there are since. */
    async function beyondLimit({ accountId, tokenId, appId }: typeof payload): Promise<DomainError | null> {
      if (await tokens.find(accountId, tokenId)) return null;
      const live = await tokens.countLive({ accountId, appId }, sentAt.getTime());
      return live < MAX_LIVE_TOKENS ? null : tooManyTokens();
    }

    async function ownerRefusal({ accountId, appId }: typeof payload): Promise<DomainError | null> {
      if (!(await accounts.exists(accountId))) return new DomainError("not_found", { property: "account_id" });
      if (appId === null || (await apps.find(appId))?.accountId === accountId) return null;
      return new DomainError("not_found", { property: "app_id" });
    }
  };
