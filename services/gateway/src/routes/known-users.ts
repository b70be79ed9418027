import { FindUnknownUsers } from "@strata/contracts";
import { notFound } from "@strata/layer-protocol";
import { boundedCache } from "../http/bounded-cache.ts";
import type { Call } from "../http/route.ts";

/** Below `/users/:user` nothing is there for a user the system never saw (server API 10.7). */
export interface KnownUsers {
  /** @throws LayerError 404 `not_found` */
  require(call: Call, userId: string): Promise<void>;
}

const MAX_ENTRIES = 10_000;
const TTL_MS = 60_000;

/** Only that somebody exists is remembered: who does not may be created at any moment. */
export function knownUsers(): KnownUsers {
  const known = boundedCache<true>({ maxEntries: MAX_ENTRIES, ttlMs: TTL_MS });
  return {
    async require({ wire, calls }, userId) {
      const key = `${wire.appId}/${userId}`;
      if (known.get(key)) return;
      const { unknown } = await calls.ask(FindUnknownUsers, { userIds: [userId] });
      if (unknown.length > 0) throw notFound("There is no such user");
      known.set(key, true);
    },
  };
}
