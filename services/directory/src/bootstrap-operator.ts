import { randomUUID } from "node:crypto";
import { OPERATOR, tokenHash } from "@strata/contracts";
import type { AccountStore } from "./store/account-store.ts";
import type { TokenStore } from "./store/token-store.ts";

/**
 * Makes sure that the account "operator" exists and that this token administers it. Known by its hash, so that any
 * number of replicas and starts store it once, a changed value is added beside the old one, and one that was revoked
 * stays revoked.
 */
export async function bootstrapOperator(
  { accounts, tokens }: { readonly accounts: AccountStore; readonly tokens: TokenStore },
  token: string,
): Promise<void> {
  const now = Date.now();
  await accounts.ensure({ _id: OPERATOR, name: "Operator", createdAt: now });
  await tokens.insertOrFind(
    {
      tokenId: randomUUID(),
      accountId: OPERATOR,
      appId: null,
      name: "bootstrap",
      scopes: ["account:admin"],
      expiresAt: null,
      createdAt: now,
      revokedAt: null,
      hash: tokenHash(token),
      version: 1,
    },
    "bootstrap",
  );
}
