import { randomUUID } from "node:crypto";
import type { BatchStored, PayloadOf } from "@strata/contracts";
import { ack, deadLetter, type Handler } from "@strata/messaging";
import type { AnnouncementNotifications } from "../announcement-notifications.ts";
import { type ChunkRow, isPlanComplete, notIn, planChunks, type PushBatch, type Target } from "../domain/chunk.ts";
import { sendChunk, type SendDeps } from "../send-chunk.ts";

export interface PushBatchDeps extends SendDeps {
  readonly notifications: AnnouncementNotifications;
  readonly ttlMs: number;
}

/**
 * Pushes a batch: plans all its chunks, stored and claimed in one write, then sends them. From then on the rows are the
 * truth: a delivery that comes again finds them, plans what is missing, and leaves what is pending to their holder or,
 * once that is dead, to whoever finds them due.
 */
export const pushBatch =
  (deps: PushBatchDeps): Handler<PayloadOf<typeof BatchStored>, never> =>
  async (delivery) => {
    const { app, payload } = delivery;
    const { announcementId, batchId, partition, at, hasNotification, recipients } = payload;
    if (!batchId.startsWith(`${app}/${announcementId}/`)) return deadLetter("foreign_batch");
    const batch = { batchId, app, announcementId, partition, hasNotification, expiresAt: at + deps.ttlMs };
    const targets = await deps.devices.ofUsers(app, partition, recipients);
    if (targets.length === 0) return ack;
    // Asked first: while it is not known what to say, nothing is claimed.
    const notification = await deps.notifications.of({ app, announcement: announcementId, hasNotification }, delivery);
    const claimed = await claim(deps, batch, targets);
    const sends = await Promise.allSettled(claimed.map((row) => sendChunk(deps, row, notification)));
    const failure = sends.find((send) => send.status === "rejected");
    if (failure) throw failure.reason;
    return ack;
  };

/** The chunks that this call stored, and so holds. */
async function claim(deps: PushBatchDeps, batch: PushBatch, targets: readonly Target[]): Promise<readonly ChunkRow[]> {
  const { chunks, providers, leaseMs } = deps;
  const choose = await providers.of(batch.app);
  const plan = (existing: readonly ChunkRow[]): readonly ChunkRow[] =>
    planChunks(batch, notIn(existing, targets), (target) => choose(target)?.credentialId ?? null, {
      first: existing.length,
      holder: randomUUID(),
      leaseUntil: Date.now() + leaseMs,
    });

  // Most batches are new: only a refused insert has to look at what is there.
  for (let rows = plan([]); rows.length > 0;) {
    if (await chunks.insertNew(rows)) return rows;
    const existing = await chunks.ofBatch(batch.batchId);
    if (isPlanComplete(existing)) return [];
    rows = plan(existing);
  }
  return [];
}
