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

/** Writes one batch, or finishes the partition; answers the row to go on with. */
async function nextStep(
  deps: FanOutDeps,
  header: Header,
  row: PartitionRow,
  cause: Cause,
): Promise<PartitionRow | null> {
  const { app, announcement, partition, n } = row;
  const members = n < chunksOf(header, partition) ? await deps.chunks.find(app, announcement, partition, n) : null;
  if (members) {
    const sent = await writeBatch(deps, header, row, members, cause);
    const moved = await deps.partitions.advance(row, { sent, unknown: members.length - sent });
    // Moved by somebody else: our lease had run out, and the newest state is theirs.
    if (!moved) return deps.partitions.nextPending(app, row.slot);
    if (moved.n < chunksOf(header, partition)) return moved;
  }
  await deps.partitions.finish(row);
  await finishIfComplete(deps, header, cause);
  return deps.partitions.nextPending(app, row.slot);
}

const chunksOf = (header: Header, partition: number): number =>
  header.chunks?.find((one) => one.partition === partition)?.count ?? 0;

/** Batch and event, in this order; a batch that is stored already is published all the same. Answers its size. */
async function writeBatch(
  { batches, broker }: FanOutDeps,
  header: Header,
  row: PartitionRow,
  members: readonly string[],
  cause: Cause,
): Promise<number> {
  const { app, announcement, partition, n } = row;
  const asked = await broker.ask(FindUnknownUsers, app, { userIds: [...members] }, { cause });
  const unknown = new Set(asked.unknown);
  const recipients = unknown.size === 0 ? members : members.filter((userId) => !unknown.has(userId));
  if (recipients.length === 0) return 0;
  const batch: Batch = { _id: batchId(app, announcement, partition, n), app, partition, at: header.at, recipients };
  const stored = await batches.insertOrAdopt(batch);
  await broker.emit(BatchStored, app, batchStored(header, stored), { cause });
  return stored.recipients.length;
}
