import { DEFAULT_PUSH_POLICY, type PushPolicy } from "@strata/contracts";
import { type FreshReads, freshReads } from "@strata/runtime";
import type { PolicyStore } from "./store/policy-store.ts";

/** How long a policy that was changed may go on deciding, in each process; and how often an app's is read at most. */
const POLICY_FRESH_MS = 2_000;
const MAX_APPS = 10_000;

/** By app. */
export type PushPolicies = FreshReads<PushPolicy>;

export const pushPolicies = (store: Pick<PolicyStore, "find">, freshMs: number = POLICY_FRESH_MS): PushPolicies =>
  freshReads({ freshMs, maxKeys: MAX_APPS, read: async (app) => (await store.find(app)) ?? DEFAULT_PUSH_POLICY });
