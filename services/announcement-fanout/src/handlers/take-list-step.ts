import type { Cause, Client, Publisher } from "@strata/messaging";
import { type Batch, batchId } from "../domain/batch.ts";
import { type Header, sentAtOf } from "../domain/header.ts";
import type { BatchStore } from "../store/batch-store.ts";
import type { ChunkStore } from "../store/chunk-store.ts";
import type { Move, PartitionRow, PartitionStore } from "../store/partition-store.ts";
import { type Members, nextMembers } from "./next-members.ts";
import { publishBatches } from "./publish-batches.ts";

interface Deps {
  readonly batches: BatchStore;
  readonly chunks: ChunkStore;
  readonly partitions: PartitionStore;
  readonly broker: Publisher & Client;
}

/**
 * The next few batches of partitions of a long list, those of all of them in one write. Answers whether that ended a
 * partition.
 */
export async function takeListStep(
  deps: Deps,
  header: Header,
  rows: readonly PartitionRow[],
  limit: number,
  cause?: Cause,
): Promise<boolean> {
  const members = await nextMembers(deps, header, rows, limit, cause);
  const stored = await writeBatches(deps, header, members, cause);
  const moves = members.map((ofRow) => moveOf(ofRow, stored));
  // Not moved: somebody else did, since our lease had run out, and the newest state is theirs.
  const moved = await deps.partitions.advanceAll(moves);
  return moved > 0 && moves.some(({ step }) => step.isDone);
}

function moveOf({ row, lists, cursor, isDone }: Members, stored: readonly Batch[]): Move {
  const sent = stored.reduce(
    (sum, { partition, recipients }) => (partition === row.partition ? sum + recipients.length : sum),
    0,
  );
  const unknown = lists.reduce((sum, { named }) => sum + named, 0) - sent;
  return { row, step: { batches: lists.length, sent, unknown, cursor, isDone } };
}

/** Batches, then their events; a batch that is stored already is published all the same. Answers them as they are stored. */
async function writeBatches(
  { batches, broker }: Deps,
  header: Header,
  members: readonly Members[],
  cause?: Cause,
): Promise<readonly Batch[]> {
  const at = header.throttlePerMinute === null ? sentAtOf(header) : Date.now();
  const rows = members.flatMap(({ row: { app, announcement, partition, n }, lists }) =>
    lists.map(({ recipients }, index) => ({
      _id: batchId(app, announcement, partition, n + index),
      app,
      partition,
      at,
      recipients,
    })),
  );
  const stored = await batches.insertOrAdopt(rows.filter(({ recipients }) => recipients.length > 0));
  await publishBatches(broker, header, stored, cause);
  return stored;
}
