import type { ClosedState, Session } from "@strata/contracts";
import { boundedCache } from "./bounded-cache.ts";
import { sharedLoads } from "./shared-loads.ts";

/** A session with the app that it is of. */
export interface KnownSession extends Session {
  readonly appId: string;
  /** It is none for now: its app lets nobody in. */
  readonly closed?: ClosedState;
}

/** Whose tokens are whose, by their hash, so that not every request asks the directory. */
export interface SessionCache {
  /** The cached session, or what `load` says; callers who ask for the same token meanwhile share one `load`. */
  get(hash: string, load: () => Promise<KnownSession | null>): Promise<KnownSession | null>;
  /** The session has ended. */
  forget(hash: string): void;
  /** All of a user's have. Answers that are under way may be from before, so none is kept. */
  forgetUser(appId: string, userId: string): void;
  /** Something may have been missed. */
  forgetAll(): void;
}

const MAX_ENTRIES = 20_000;
/** As of tokens (grant-cache.ts). */
const KNOWN_TTL_MS = 60_000;
const UNKNOWN_TTL_MS = 5_000;

/** All cached sessions of a user hold the same one: to forget them is to give her another. */
type Mark = symbol;

const keyOf = ({ appId, userId }: { appId: string; userId: string }): string => `${appId}/${userId}`;

export function sessionCache(now: () => number = Date.now): SessionCache {
  const known = boundedCache<{ readonly session: KnownSession; readonly mark: Mark }>({
    maxEntries: MAX_ENTRIES,
    ttlMs: KNOWN_TTL_MS,
    now,
  });
  // Lost for others' sake, it costs a question: a session without its user's mark is asked for again.
  const marks = boundedCache<Mark>({ maxEntries: MAX_ENTRIES, ttlMs: KNOWN_TTL_MS, now });
  // Apart, so that a flood of invented tokens cannot push the good ones out.
  const unknown = boundedCache<true>({ maxEntries: MAX_ENTRIES, ttlMs: UNKNOWN_TTL_MS, now });
  const loads = sharedLoads<KnownSession | null>((hash, session) => {
    if (session === null) return unknown.set(hash, true);
    const mark = marks.get(keyOf(session)) ?? Symbol("of a user's sessions");
    marks.set(keyOf(session), mark);
    known.set(hash, { session, mark });
  });

  return {
    async get(hash, load) {
      const cached = known.get(hash);
      if (cached && marks.get(keyOf(cached.session)) === cached.mark) return cached.session;
      if (unknown.get(hash)) return null;
      return loads.load(hash, load);
    },
    forget(hash) {
      known.delete(hash);
      loads.forget(hash);
    },
    forgetUser(appId, userId) {
      marks.delete(keyOf({ appId, userId }));
      loads.forgetAll();
    },
    forgetAll() {
      known.clear();
      unknown.clear();
      marks.clear();
      loads.forgetAll();
    },
  };
}
