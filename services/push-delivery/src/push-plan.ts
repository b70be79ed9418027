import { randomUUID } from "node:crypto";
import type { Cause } from "@strata/messaging";
import { type ChunkRow, isPlanComplete, notIn, planChunks, type PushPlan, type Target } from "./domain/chunk.ts";
import { withTimeToLive } from "./domain/time-to-live.ts";
import type { Notifications } from "./notifications.ts";
import { sendChunk, type SendDeps } from "./send-chunk.ts";

export interface PushPlanDeps extends SendDeps {
  readonly notifications: Notifications;
}

/**
 * Plans all chunks, stored and claimed in one write, then sends them. From then on the rows are the truth: who plans the
 * same again finds them, adds what is missing, and leaves what is pending to their holder or, once that is dead, to
 * whoever finds them due.
 */
export async function carryOut(
  deps: PushPlanDeps,
  plan: PushPlan,
  targets: readonly Target[],
  cause: Cause,
): Promise<void> {
  if (targets.length === 0) return;
  // Asked first: while it is not known what to say, nothing is claimed.
  const userIds = [...new Set(targets.map(({ userId }) => userId))];
  const wording = await deps.notifications.of(plan, userIds, cause);
  const claimed = await claim(deps, withTimeToLive(plan, wording?.about?.ttlSeconds), targets);
  const sends = await Promise.allSettled(claimed.map((row) => sendChunk(deps, row, wording)));
  const failure = sends.find((send) => send.status === "rejected");
  if (failure) throw failure.reason;
}

/** The chunks that this call stored, and so holds. */
async function claim(deps: PushPlanDeps, plan: PushPlan, targets: readonly Target[]): Promise<readonly ChunkRow[]> {
  const { chunks, providers, leaseMs } = deps;
  const choose = await providers.of(plan.app);
  const planBehind = (existing: readonly ChunkRow[]): readonly ChunkRow[] =>
    planChunks(plan, notIn(existing, targets), (target) => choose(target)?.credentialId ?? null, {
      first: existing.length,
      holder: randomUUID(),
      leaseUntil: Date.now() + leaseMs,
    });

  // Most plans are new: only a refused insert has to look at what is there.
  for (let rows = planBehind([]); rows.length > 0;) {
    if (await chunks.insertNew(rows)) return rows;
    const existing = await chunks.ofPlan(plan.planId);
    if (isPlanComplete(existing)) return [];
    rows = planBehind(existing);
  }
  return [];
}
