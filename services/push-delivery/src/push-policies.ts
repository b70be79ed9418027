import { DEFAULT_PUSH_POLICY, type PushPolicy } from "@strata/contracts";
import type { PolicyStore } from "./store/policy-store.ts";

export interface PushPolicies {
  /** An app's policy as it was at most two seconds ago. */
  of(app: string): Promise<PushPolicy>;
  /** Reads an app's policy again before anything is decided by it. */
  forget(app: string): void;
}

/** How long a policy that was changed may go on deciding, in each process; and how often an app's is read at most. */
const POLICY_FRESH_MS = 2_000;
/** Beyond it the one that was read first is forgotten. */
const MAX_APPS = 10_000;

interface Entry {
  readonly readAt: number;
  readonly read: Promise<PushPolicy>;
}

/** Policies in memory, for as long as they are fresh. One question for all who want the same at a time. */
export function pushPolicies(store: Pick<PolicyStore, "find">, freshMs: number = POLICY_FRESH_MS): PushPolicies {
  // A Map keeps the order of insertion, so its first entry is the oldest.
  const known = new Map<string, Entry>();

  const readAnew = (app: string, now: number): Promise<PushPolicy> => {
    const read = store.find(app).then((policy) => policy ?? DEFAULT_PUSH_POLICY);
    const entry = { readAt: now, read };
    known.delete(app);
    known.set(app, entry);
    read.catch(() => known.get(app) === entry && known.delete(app));
    for (const oldest of known.keys()) {
      if (known.size <= MAX_APPS) break;
      known.delete(oldest);
    }
    return read;
  };

  return {
    async of(app) {
      const now = Date.now();
      const entry = known.get(app);
      return entry && now - entry.readAt < freshMs ? entry.read : readAnew(app, now);
    },
    forget(app) {
      known.delete(app);
    },
  };
}
