import { type Closable, type Logger, repeat, sealedPrefix } from "@strata/runtime";
import { factsOf } from "./domain/credential-facts.ts";
import { type CredentialKeys, openSealed, sealedAnew } from "./sealed-credential.ts";
import type { CredentialStore } from "./store/credential-store.ts";

interface Deps {
  readonly credentials: CredentialStore;
  readonly keys: CredentialKeys;
  readonly log: Logger;
}

const DAY_MS = 86_400_000;
/** How long before its end a credential is warned of, and how often. */
export const EXPIRES_SOON_MS = 30 * DAY_MS;
const WARN_EVERY_MS = DAY_MS;
const PAGE = 100;

/**
 * Keeps stored credentials in order, in every replica: seals anew what a former key sealed, and warns of what ends soon.
 * Two that do it at once do it once: a text is exchanged only for the one that was read, and a warning is claimed.
 */
export function startCredentialUpkeep(deps: Deps, everyMs: number): Closable {
  return repeat(
    everyMs,
    async () => {
      await resealAll(deps);
      await warnOfExpiries(deps);
    },
    deps.log,
  );
}

/** Looks at each credential that the current key has not sealed, once. */
export async function resealAll({ credentials, keys, log }: Deps): Promise<void> {
  const prefix = sealedPrefix(keys[0]);
  let rows = await credentials.notSealedWith(prefix, null, PAGE);
  for (; rows.length > 0; rows = await credentials.notSealedWith(prefix, rows.at(-1) ?? null, PAGE)) {
    for (const row of rows) {
      const { app, credentialId } = row;
      try {
        const credential = openSealed(keys, row.sealed);
        await credentials.reseal(row, sealedAnew(keys, row.sealed, credential), factsOf(credential));
        log.info("push credential sealed with the current key", { app, credentialId });
        // Its key was found again. How its provider takes it is seen at the next push.
        if (row.health?.state === "unreadable") {
          await credentials.note(row, { state: "unused", reason: null, retryAt: null, at: Date.now() });
        }
      } catch (error) {
        if (row.health?.state === "unreadable") continue;
        log.error("push credential cannot be read with any key", { app, credentialId, error });
        await credentials.note(row, {
          state: "unreadable",
          reason: "credential_unreadable",
          retryAt: null,
          at: Date.now(),
        });
      }
    }
  }
}

/** Once a day for each, whoever of the replicas comes first. */
export async function warnOfExpiries({ credentials, log }: Deps): Promise<void> {
  for (;;) {
    const now = Date.now();
    const row = await credentials.claimExpiring(now + EXPIRES_SOON_MS, now - WARN_EVERY_MS);
    if (row === null) return;
    const { app, credentialId, kind, expiresAt } = row;
    const days = Math.ceil(((expiresAt ?? now) - now) / DAY_MS);
    log.warn(days > 0 ? "push credential expires soon" : "push credential has expired", {
      app,
      credentialId,
      kind,
      expiresAt: new Date(expiresAt ?? now),
      days,
    });
  }
}
