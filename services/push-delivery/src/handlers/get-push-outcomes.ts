import {
  type GetPushOutcomes,
  partitionOf,
  type PayloadOf,
  type PushOutcomeView,
  type ReplyOf,
} from "@strata/contracts";
import { type Handler, reply } from "@strata/messaging";
import type { ChunkRow } from "../domain/chunk.ts";
import type { ChunkStore } from "../store/chunk-store.ts";
import type { DeviceStore } from "../store/device-store.ts";

interface Deps {
  readonly chunks: Pick<ChunkStore, "ofUser">;
  readonly devices: Pick<DeviceStore, "ofUser">;
}

/** The ledger's entries about one user, and how many devices she has now. */
export const getPushOutcomes =
  ({ chunks, devices }: Deps): Handler<PayloadOf<typeof GetPushOutcomes>, ReplyOf<typeof GetPushOutcomes>> =>
  async ({ app, payload: { announcementId, userId } }) => {
    const [rows, owned] = await Promise.all([
      chunks.ofUser(app, announcementId, partitionOf(userId), userId),
      devices.ofUser(app, userId),
    ]);
    return reply({ outcomes: rows.flatMap((row) => outcomesOf(row, userId)), devices: owned.length });
  };

function outcomesOf({ outcomes, pending }: ChunkRow, userId: string): readonly PushOutcomeView[] {
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
