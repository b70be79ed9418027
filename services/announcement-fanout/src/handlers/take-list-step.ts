import type { Cause, Client, Publisher } from "@strata/messaging";
import { type Batch, batchId, RECIPIENTS_PER_BATCH } from "../domain/batch.ts";
import { type Header, sentAtOf } from "../domain/header.ts";
import type { BatchStore } from "../store/batch-store.ts";
import type { ChunkStore } from "../store/chunk-store.ts";
import type { Move, PartitionRow, PartitionStore } from "../store/partition-store.ts";
import { LISTS_AT_ONCE, type Members, nextMembers } from "./next-members.ts";
import { publishBatches } from "./publish-batches.ts";

interface Deps {
  readonly batches: BatchStore;
  readonly chunks: ChunkStore;
  readonly partitions: PartitionStore;
  readonly broker: Publisher & Client;
}

/**
 * Of the partitions that are next in a slot, those that one step takes. A list of a few thousand is spread over all
 * partitions, and what each of them costs does not depend on how few are in it: so short lists of one announcement are taken
 * together. The bound is as for a long one, of the recipients expected in them.
 */
export function takenTogether<Row extends Pick<PartitionRow, "announcement" | "partition" | "isSorting" | "slice">>(
  header: Pick<Header, "audience" | "isUploaded" | "state" | "chunks" | "recipientCount">,
  rows: readonly Row[],
): readonly Row[] {
  const isList = header.audience.kind === "recipients" && !header.isUploaded && header.state === "distributing";
  const own = rows.filter(({ announcement, isSorting, slice }) => {
    return announcement === rows[0]?.announcement && !isSorting && slice === undefined;
  });
  if (!isList || own.length < 2) return rows.slice(0, 1);
  const chunksOf = new Map(header.chunks?.map(({ partition, count }) => [partition, count]));
  const chunks = [...chunksOf.values()].reduce((sum, count) => sum + count, 0);
  const inChunk = header.recipientCount / Math.max(1, chunks);
  let expected = 0;
  const ends = own.findIndex(({ partition }, index) => {
    expected += inChunk * Math.min(chunksOf.get(partition) ?? 0, LISTS_AT_ONCE);
    return index > 0 && expected > LISTS_AT_ONCE * RECIPIENTS_PER_BATCH;
  });
  return ends === -1 ? own : own.slice(0, ends);
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
