import { type AppSettings, GetAppSettings } from "@strata/contracts";
import { invalidAppId } from "@strata/layer-protocol";
import { boundedCache } from "./bounded-cache.ts";
import type { Call } from "./call.ts";
import { sharedLoads } from "./shared-loads.ts";

/** What is set for apps, so that not every request asks the directory. */
export interface SettingsCache {
  /**
   * The settings of the call's app.
   * @throws LayerError 403 `invalid_app_id` when there is no such app
   */
  of(call: Pick<Call, "wire" | "calls">): Promise<AppSettings>;
  /** They are others now. An answer that is under way may be from before, so it is not kept. */
  forget(appId: string): void;
  /** Something may have been missed. */
  forgetAll(): void;
}

const MAX_ENTRIES = 10_000;
/** Bounds what a lost event could do. */
const TTL_MS = 5_000;

export function settingsCache(now: () => number = Date.now): SettingsCache {
  const known = boundedCache<AppSettings>({ maxEntries: MAX_ENTRIES, ttlMs: TTL_MS, now });
  const loads = sharedLoads<AppSettings>((appId, settings) => known.set(appId, settings));
  return {
    async of({ wire: { appId }, calls }) {
      const found = known.get(appId);
      if (found) return found;
      return loads.load(appId, async () => {
        const { settings } = await calls.ask(GetAppSettings, {});
        if (settings === null) throw invalidAppId();
        return settings;
      });
    },
    forget(appId) {
      known.delete(appId);
      loads.forget(appId);
    },
    forgetAll() {
      known.clear();
      loads.forgetAll();
    },
  };
}
