import { DEFAULT_MESSAGE_POLICY } from "@strata/contracts";
import { freshReads } from "@strata/runtime";
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
const MAX_APPS = 10_000;

interface Known {
  /** The command that set it: what is the same is not compiled anew. */
  readonly by: string | undefined;
  readonly compiled: CompiledPolicy | null;
}

export function messagePolicies(store: Pick<MessagePolicyStore, "find">): MessagePolicies {
  const known = freshReads<Known>({
    freshMs: FRESH_MS,
    maxKeys: MAX_APPS,
    async read(app, reading) {
      const [row, before] = await Promise.all([store.find(app), reading?.catch(() => undefined)]);
      if (row && before?.by === row.by) return before;
      const policy = row?.policy ?? DEFAULT_MESSAGE_POLICY;
      const compiled = policy.rules.length === 0 && !policy.beforeSend ? null : compilePolicy(policy);
      return { by: row?.by, compiled };
    },
  });
  return { of: async (app) => (await known.of(app)).compiled, forget: (app) => known.forget(app) };
}
