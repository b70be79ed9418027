import type { PushOutcomeView } from "@strata/contracts";
import type { ChunkRow } from "./chunk.ts";

/** What became of the pushes of a chunk to one user's devices, and what waits still. */
export function outcomesOf({ outcomes, pending }: ChunkRow, userId: string): readonly PushOutcomeView[] {
  const settled = outcomes
    .filter(({ user }) => user === userId)
    .map(({ device, platform, outcome, reason, policy = null, providerId, at }) => ({
      deviceId: device,
      platform,
      outcome,
      reason,
      policy,
      providerId,
      at,
    }));
  const waiting = pending
    .filter((target) => target.userId === userId)
    .map(({ deviceId, platform, dueAt, waitsFor = null }) => ({
      deviceId,
      platform,
      outcome: "waiting" as const,
      reason: null,
      policy: waitsFor,
      providerId: null,
      at: dueAt,
    }));
  return [...settled, ...waiting];
}
