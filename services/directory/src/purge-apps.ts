import { type App, AppChanged, TokenRevoked } from "@strata/contracts";
import type { Publisher } from "@strata/messaging";
import { type AppPurges, type Closable, type Logger, workOffDue } from "@strata/runtime";
import type { AccountStore } from "./store/account-store.ts";
import type { AppStore } from "./store/app-store.ts";
import type { AuditStore } from "./store/audit-store.ts";
import type { TokenStore } from "./store/token-store.ts";

interface Deps {
  readonly accounts: Pick<AccountStore, "releaseApp">;
  readonly apps: AppStore;
  readonly tokens: TokenStore;
  readonly audit: AuditStore;
  readonly purges: Pick<AppPurges, "begin">;
  readonly publisher: Publisher;
}

const LEASE_MS = 60_000;

/** Ends the tokens of deleted apps whose grace is over, and says so. In every replica: a claimed app is nobody else's. */
export const purgeApps = ({ everyMs, log, ...deps }: Deps & { everyMs: number; log: Logger }): Closable =>
  workOffDue<App>({
    everyMs,
    workers: 1,
    claim: () => deps.apps.claimPurge(Date.now(), LEASE_MS),
    work: (app) => purgeApp(deps, app, Date.now()),
    log,
  });

/**
 * Every step may be repeated with the same effect; the app is done with last, when all has been said. Its row stays, as the
 * tombstone of its id.
 */
export async function purgeApp(
  { accounts, apps, tokens, audit, purges, publisher }: Deps,
  app: App,
  now: number,
): Promise<void> {
  const { appId, accountId, name } = app;
  const id = `${appId}.purged`;
  for (const { tokenId } of await tokens.listOfApp(accountId, appId)) {
    const revoked = await tokens.revoke(accountId, tokenId, now, id);
    if (!revoked) continue;
    const { hash, version } = revoked.token;
    await publisher.emit(TokenRevoked, appId, { tokenId, hash }, { id: `${id}.${tokenId}`, subjectVersion: version });
  }
  await audit.append({
    entryId: id,
    accountId,
    appId,
    at: app.purgeAt ?? now,
    action: "app.purged",
    subject: { kind: "app", id: appId },
    actor: null,
    before: { name },
    after: null,
  });
  await purges.begin(appId);
  // Whatever was changed before it was deleted is older, and nothing is changed from then on.
  const version = (await apps.findSettings(appId))?.version ?? 1;
  await publisher.emit(AppChanged, appId, { appId, name, state: "purged", version: version + 1 }, { id });
  await accounts.releaseApp(accountId, appId);
  await apps.purged(appId, now);
}
