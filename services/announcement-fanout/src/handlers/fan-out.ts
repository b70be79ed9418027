import { BatchStored, type EmptyReply, FanOut, FindUnknownUsers, type PayloadOf } from "@strata/contracts";
import { ack, type Cause, type Client, type Delivery, type Handler, type Publisher } from "@strata/messaging";
import { announcementKey, type Batch, batchId } from "../domain/batch.ts";
import { batchStored } from "../domain/events.ts";
import type { AnnouncementStore, Header } from "../store/announcement-store.ts";
import type { BatchStore } from "../store/batch-store.ts";
import type { ChunkStore } from "../store/chunk-store.ts";
import type { PartitionRow, PartitionStore } from "../store/partition-store.ts";
import { finishIfComplete } from "./finish-if-complete.ts";

export interface FanOutDeps {
  readonly announcements: AnnouncementStore;
  readonly batches: BatchStore;
  readonly chunks: ChunkStore;
  readonly partitions: PartitionStore;
  readonly broker: Publisher & Client;
}

/** How long one wake works before the slot goes back to the end of the queue, so that apps take turns. */
const TURN_MS = 3_000;
/** Longer than a turn with a slow last batch; a dead worker's slot stands still no longer than this. */
const LEASE_MS = 20_000;
/** Batches written together: one wait for the disk serves them all. Bounds a worker's memory to 4,000 ids. */
const CHUNKS_AT_ONCE = 4;

/**
 * Works one slot of an app: batch by batch of its oldest unfinished partition, until nothing is left or its turn is
 * over. Whoever finds the slot taken goes away; the holder looks again after it has let go, so no wake is lost.
 */
export const fanOut =
  (deps: FanOutDeps): Handler<PayloadOf<typeof FanOut>, EmptyReply> =>
  async (delivery) => {
    const { app, id, payload } = delivery;
    const { partitions, broker } = deps;
    if (!(await partitions.acquireSlot(app, payload.slot, id, LEASE_MS))) return ack;
    try {
      await takeTurn(deps, delivery);
    } finally {
      await partitions.releaseSlot(app, payload.slot, id);
    }
    if (await partitions.nextPending(app, payload.slot)) await broker.send(FanOut, app, payload, { cause: delivery });
    return ack;
  };

async function takeTurn(deps: FanOutDeps, delivery: Delivery<PayloadOf<typeof FanOut>>): Promise<void> {
  const { app, payload } = delivery;
  const endsAt = Date.now() + TURN_MS;
  let row = await deps.partitions.nextPending(app, payload.slot);
  let header: Header | null = null;
  while (row && Date.now() < endsAt) {
    if (header?._id !== announcementKey(app, row.announcement)) {
      header = await deps.announcements.find(app, row.announcement);
    }
    if (!header) throw new Error(`partition row ${row._id} has no announcement`);
    row = await nextStep(deps, header, row, delivery);
  }
}

/** Writes the next few batches of a partition; answers the row to go on with, null when the slot has none left. */
async function nextStep(
  deps: FanOutDeps,
  header: Header,
  row: PartitionRow,
  cause: Cause,
): Promise<PartitionRow | null> {
  const { app, announcement, partition, n } = row;
  const last = header.chunks?.find((one) => one.partition === partition)?.count ?? 0;
  const chunks = await deps.chunks.range(app, announcement, partition, n, Math.min(n + CHUNKS_AT_ONCE, last));
  const sent = await writeBatches(deps, header, row, chunks, cause);
  const named = chunks.reduce((sum, members) => sum + members.length, 0);
  const isDone = n + chunks.length >= last;
  const moved = await deps.partitions.advance(row, { batches: chunks.length, sent, unknown: named - sent, isDone });
  // Not moved: somebody else did, since our lease had run out, and the newest state is theirs.
  if (moved && !isDone) return moved;
  const next = await deps.partitions.nextPending(app, row.slot);
  // As long as this very slot has more of it, the announcement is not complete.
  if (moved && next?.announcement !== announcement) await finishIfComplete(deps, header, cause);
  return next;
}

/** Batches, then their events; a batch that is stored already is published all the same. Answers how many have it now. */
async function writeBatches(
  { batches, broker }: FanOutDeps,
  header: Header,
  { app, announcement, partition, n }: PartitionRow,
  chunks: readonly (readonly string[])[],
  cause: Cause,
): Promise<number> {
  const known = await Promise.all(chunks.map((members) => knownAmong(broker, app, members, cause)));
  const rows: readonly Batch[] = known
    .map((recipients, index) => ({
      _id: batchId(app, announcement, partition, n + index),
      app,
      partition,
      at: header.at,
      recipients,
    }))
    .filter(({ recipients }) => recipients.length > 0);
  const stored = await batches.insertOrAdopt(rows);
  await Promise.all(stored.map((batch) => broker.emit(BatchStored, app, batchStored(header, batch), { cause })));
  return stored.reduce((sum, { recipients }) => sum + recipients.length, 0);
}

async function knownAmong(broker: Client, app: string, members: readonly string[], cause: Cause) {
  const answer = await broker.ask(FindUnknownUsers, app, { userIds: [...members] }, { cause });
  if (answer.unknown.length === 0) return members;
  const unknown = new Set(answer.unknown);
  return members.filter((userId) => !unknown.has(userId));
}
