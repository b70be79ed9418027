import { FindUnknownUsers } from "@strata/contracts";
import { boundedCache, type Call } from "@strata/doors";
import { notFound } from "@strata/layer-protocol";

/** Below `/users/:user` nothing is there for a user the system never saw (server API 10.7). */
export interface KnownUsers {
  isKnown(call: Call, userId: string): Promise<boolean>;
  /** @throws LayerError 404 `not_found` */
  require(call: Call, userId: string): Promise<void>;
  /** Since when she is known. @throws LayerError 404 `not_found` */
  requireSince(call: Call, userId: string): Promise<number>;
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
  const known = boundedCache<number>({ maxEntries: MAX_ENTRIES, ttlMs: TTL_MS });
  let forgotten = 0;
  const knownSince = async ({ wire, calls }: Call, userId: string): Promise<number | null> => {
    const key = keyOf(wire.appId, userId);
    const remembered = known.get(key);
    if (remembered !== undefined) return remembered;
    const before = forgotten;
    const answer = await calls.ask(FindUnknownUsers, { userIds: [userId], withKnownSince: true });
    if (answer.unknown.length > 0) return null;
    const since = answer.knownSince?.[0] ?? 0;
    // An answer from before somebody was deleted may be about her.
    if (before === forgotten) known.set(key, since);
    return since;
  };
  const requireSince = async (call: Call, userId: string): Promise<number> => {
    const since = await knownSince(call, userId);
    if (since === null) throw notFound("There is no such user");
    return since;
  };
  return {
    isKnown: async (call, userId) => (await knownSince(call, userId)) !== null,
    async require(call, userId) {
      await requireSince(call, userId);
    },
    requireSince,
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
