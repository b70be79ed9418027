import { DEFAULT_MESSAGE_POLICY } from "@strata/contracts";
import { type CompiledPolicy, compilePolicy } from "./domain/message-policy.ts";
import type { MessagePolicyStore } from "./store/message-policy-store.ts";

export interface MessagePolicies {
  /** An app's policy as it was at most two seconds ago, ready to judge; null: it has no rules. */
  of(app: string): Promise<CompiledPolicy | null>;
  /** Reads an app's policy again before anything is judged by it. */
  forget(app: string): void;
}

/** How long a policy that was changed may go on judging, in each process; and how often an app's is read at most. */
const FRESH_MS = 2_000;
/** Beyond it the one that was read first is forgotten. */
const MAX_APPS = 10_000;

interface Entry {
  readonly readAt: number;
  readonly read: Promise<CompiledPolicy | null>;
  /** The command that set it, once it is read: what is the same is not compiled anew. */
  by?: string;
}

/** Policies in memory, for as long as they are fresh. One question for all who want the same at a time. */
export function messagePolicies(store: Pick<MessagePolicyStore, "find">): MessagePolicies {
  // A Map keeps the order of insertion, so its first entry is the oldest.
  const known = new Map<string, Entry>();

  const readAnew = (app: string, now: number, before: Entry | undefined): Promise<CompiledPolicy | null> => {
    const read = store.find(app).then((row) => {
      if (row && before?.by === row.by) {
        entry.by = row.by;
        return before.read;
      }
      const policy = row?.policy ?? DEFAULT_MESSAGE_POLICY;
      const compiled = policy.rules.length === 0 && !policy.beforeSend ? null : compilePolicy(policy);
      if (row) entry.by = row.by;
      return compiled;
    });
    const entry: Entry = { readAt: now, read };
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
      return entry && now - entry.readAt < FRESH_MS ? entry.read : readAnew(app, now, entry);
    },
    forget(app) {
      known.delete(app);
    },
  };
}
