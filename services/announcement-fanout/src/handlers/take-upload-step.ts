import { compareUserIds } from "@strata/contracts";
import type { Cause, Client, Publisher } from "@strata/messaging";
import { afterOf, type Batch, batchId, RECIPIENTS_PER_BATCH } from "../domain/batch.ts";
import { type Header, isAtOneMoment, sentAtOf } from "../domain/header.ts";
import type { BatchStore } from "../store/batch-store.ts";
import type { PartitionRow, PartitionStore } from "../store/partition-store.ts";
import type { SortedStore } from "../store/sorted-store.ts";
import type { UploadStore } from "../store/upload-store.ts";
import { knownAmong } from "./next-members.ts";
import { publishBatches } from "./publish-batches.ts";

interface Deps {
  readonly batches: BatchStore;
  readonly uploads: UploadStore;
  readonly sorted: SortedStore;
  readonly partitions: PartitionStore;
  readonly broker: Publisher & Client;
}

/** Batches written together: one wait for the disk serves them all. Bounds a worker's memory to 4,000 ids. */
const LISTS_AT_ONCE = 4;

/**
 * The next few batches of an upload's partition, or of a slice of any, cut from its rows in their order. Rows of a command that was under way
 * at the start may still come, and users come and go: so a batch that is stored is taken as it is, and everything goes
 * on behind its last recipient. Nobody is in two batches. Answers whether that ended the partition.
 */
export async function takeUploadStep(
  { batches, uploads, sorted, partitions, broker }: Deps,
  header: Header,
  row: PartitionRow,
  limit: number,
  cause?: Cause,
): Promise<boolean> {
  const { app, announcement, partition } = row;
  // A throttle lets one batch through at a time.
  const most = limit < RECIPIENTS_PER_BATCH ? limit : LISTS_AT_ONCE * RECIPIENTS_PER_BATCH;
  const named =
    row.slice === undefined
      ? await uploads.page(app, announcement, partition, afterOf(row), most)
      : await sorted.page(app, announcement, partition, row.slice, afterOf(row), most);
  const lists = await knownAmong(broker, app, inLists(named, limit), cause);
  const { stored, isAdopted } = await batches.insertInOrder(batchesOf(header, row, lists));
  await publishBatches(broker, header, stored, cause);

  const sent = stored.reduce((sum, { recipients }) => sum + recipients.length, 0);
  const adopted = isAdopted ? stored.at(-1)?.recipients.at(-1) : undefined;
  const passed = adopted === undefined ? named : named.filter((userId) => compareUserIds(userId, adopted) <= 0);
  const last = adopted ?? named.at(-1);
  const isDone = adopted === undefined && named.length < most;
  const moved = await partitions.advance(row, {
    batches: stored.length,
    sent,
    unknown: Math.max(0, passed.length - sent),
    cursor: last === undefined ? null : { after: last },
    isDone,
  });
  return moved !== null && isDone;
}

const inLists = (userIds: readonly string[], size: number): readonly (readonly string[])[] =>
  Array.from({ length: Math.ceil(userIds.length / size) }, (_, n) => userIds.slice(n * size, (n + 1) * size));

/** A list in which nobody is known makes no batch. */
const batchesOf = (
  header: Header,
  { app, announcement, partition, n, slice }: PartitionRow,
  lists: readonly (readonly string[])[],
): readonly Batch[] => {
  const at = isAtOneMoment(header) ? sentAtOf(header) : Date.now();
  return lists
    .filter(({ length }) => length > 0)
    .map((recipients, index) => ({
      _id: batchId(app, announcement, partition, n + index, slice),
      app,
      partition,
      at,
      recipients,
    }));
};
