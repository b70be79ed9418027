import type { Grant } from "@strata/contracts";
import { boundedCache, sharedLoads } from "@strata/doors";

/** What tokens grant, by their hash, so that not every request asks the directory. */
export interface GrantCache {
  /** The cached grant, or what `load` says; callers who ask for the same token meanwhile share one `load`. */
  get(hash: string, load: () => Promise<Grant | null>): Promise<Grant | null>;
  /** The token was revoked. An answer that is under way may be from before, so it is not kept. */
  forget(hash: string): void;
  /** Something may have been missed. */
  forgetAll(): void;
}

const MAX_ENTRIES = 10_000;
/** Bounds what a lost revocation could do, should every other means fail. */
const KNOWN_TTL_MS = 60_000;
/** Long enough to take the sting out of a caller who repeats a wrong token, short enough not to outlive a repair. */
const UNKNOWN_TTL_MS = 5_000;

export function grantCache(now: () => number = Date.now): GrantCache {
  const known = boundedCache<Grant>({ maxEntries: MAX_ENTRIES, ttlMs: KNOWN_TTL_MS, now });
  // Apart, so that a flood of invented tokens cannot push the good ones out.
  const unknown = boundedCache<true>({ maxEntries: MAX_ENTRIES, ttlMs: UNKNOWN_TTL_MS, now });
  const loads = sharedLoads<Grant | null>((hash, grant) => {
    if (grant) known.set(hash, grant);
    else unknown.set(hash, true);
  });

  return {
    async get(hash, load) {
      const grant = known.get(hash);
      if (grant) return grant;
      if (unknown.get(hash)) return null;
      return loads.load(hash, load);
    },
    forget(hash) {
      known.delete(hash);
      loads.forget(hash);
    },
    forgetAll() {
      known.clear();
      unknown.clear();
      loads.forgetAll();
    },
  };
}
