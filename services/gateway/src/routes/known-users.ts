import { FindUnknownUsers } from "@strata/contracts";
import { notFound } from "@strata/layer-protocol";
import { boundedCache } from "../http/bounded-cache.ts";
import type { Call } from "../http/route.ts";

/** Below `/users/:user` nothing is there for a user the system never saw (server API 10.7). */
export interface KnownUsers {
  isKnown(call: Call, userId: string): Promise<boolean>;
  /** @throws LayerError 404 `not_found` */
  require(call: Call, userId: string): Promise<void>;
  /** She was deleted. */
  forget(appId: string, userId: string): void;
  /** Something may have been missed. */
  forgetAll(): void;
}

const MAX_ENTRIES = 10_000;
const TTL_MS = 60_000;

const keyOf = (appId: string, userId: string): string => `${appId}/${userId}`;

/** Only that somebody exists is remembered: who does not may be created at any moment. */
export function knownUsers(): KnownUsers {
  const known = boundedCache<true>({ maxEntries: MAX_ENTRIES, ttlMs: TTL_MS });
  let forgotten = 0;
  const isKnown = async ({ wire, calls }: Call, userId: string): Promise<boolean> => {
    const key = keyOf(wire.appId, userId);
    if (known.get(key)) return true;
    const before = forgotten;
    const { unknown } = await calls.ask(FindUnknownUsers, { userIds: [userId] });
    // An answer from before somebody was deleted may be about her.
    if (unknown.length === 0 && before === forgotten) known.set(key, true);
    return unknown.length === 0;
  };
  return {
    isKnown,
    async require(call, userId) {
      if (!(await isKnown(call, userId))) throw notFound("There is no such user");
    },
    forget(appId, userId) {
      known.delete(keyOf(appId, userId));
      forgotten += 1;
    },
    forgetAll() {
      known.clear();
      forgotten += 1;
    },
  };
}
