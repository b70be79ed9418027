import type { Cause, Client, Publisher } from "@strata/messaging";
import { type Batch, batchId, type Cursor } from "../domain/batch.ts";
import { type Header, isForEveryoneAtOnce, sentAtOf } from "../domain/header.ts";
import type { BatchDocuments } from "../store/batch-documents.ts";
import type { BatchStore } from "../store/batch-store.ts";
import type { PartitionRow, PartitionStore } from "../store/partition-store.ts";
import type { RosterStore } from "../store/roster-store.ts";
import { type AudiencePages, audiencePages } from "./audience-pages.ts";
import { openInboxes } from "./begin-distribution.ts";
import { publishBatches } from "./publish-batches.ts";
import type { ReadAhead } from "./read-ahead.ts";

interface Deps {
  readonly batches: BatchStore;
  readonly rosters: RosterStore;
  readonly partitions: PartitionStore;
  readonly broker: Publisher & Client;
  readonly ahead?: ReadAhead<AudiencePages>;
}

/** Where the batches of an announcement are: what is in all inboxes already is only written down. */
export const documentsOf = ({ batches, rosters }: Pick<Deps, "batches" | "rosters">, header: Header): BatchDocuments =>
  isForEveryoneAtOnce(header) ? rosters : batches;

/**
 * The next few batches of an audience's partition. Users come and go between a dead worker's try and ours, so a batch
 * that is stored is taken as it is, and everything goes on behind its last recipient: nobody is in two batches. Answers
 * whether that ended the partition.
 */
export async function takeAudienceStep(
  deps: Deps,
  header: Header,
  row: PartitionRow,
  limit: number,
  cause?: Cause,
): Promise<boolean> {
  // Whoever started it may have died before.
  if (row.n === 0) await openInboxes(deps, header, [row.partition]);
  const pages = await audiencePages(deps, header, row, limit, cause);
  const { stored, isAdopted } = await documentsOf(deps, header).insertInOrder(batchesOf(header, row, pages.lists));
  await publishBatches(deps.broker, header, stored, cause);
  const sent = stored.reduce((sum, { recipients }) => sum + recipients.length, 0);
  const cursor = cursorBehind(isAdopted ? (stored.at(-1)?.recipients.at(-1) ?? null) : pages.next);
  const isDone = cursor === null;
  const moved = await deps.partitions.advance(row, { batches: stored.length, sent, unknown: 0, cursor, isDone });
  return moved !== null && isDone;
}

const cursorBehind = (after: string | null): Cursor | null => (after === null ? null : { after });

function batchesOf(
  header: Header,
  { app, announcement, partition, n }: PartitionRow,
  lists: AudiencePages["lists"],
): readonly Batch[] {
  const at = header.throttlePerMinute === null ? sentAtOf(header) : Date.now();
  return lists.map((recipients, index) => ({
    _id: batchId(app, announcement, partition, n + index),
    app,
    partition,
    at,
    recipients,
  }));
}
