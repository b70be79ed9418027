import type { Cause, Client, Publisher } from "@strata/messaging";
import { type Batch, batchId, type Cursor } from "../domain/batch.ts";
import { type Header, isForEveryoneAtOnce, sentAtOf } from "../domain/header.ts";
import type { BatchDocuments } from "../store/batch-documents.ts";
import type { BatchStore } from "../store/batch-store.ts";
import type { Move, PartitionRow, PartitionStore } from "../store/partition-store.ts";
import type { RosterStore } from "../store/roster-store.ts";
import { audiencePage, type AudiencePages, audiencePages } from "./audience-pages.ts";
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

interface Page {
  readonly row: PartitionRow;
  /** The users who are next, as a batch; none where nobody among those looked at matches. */
  readonly batch: Batch | undefined;
  readonly next: string | null;
}

/**
 * The next batch of each of several partitions of an audience that has few in each: all of them in one write. For each it is
 * as if it were taken by itself. Answers whether that ended a partition.
 */
export async function takeShortAudienceStep(
  deps: Deps,
  header: Header,
  rows: readonly PartitionRow[],
  cause?: Cause,
): Promise<boolean> {
  const fresh = rows.filter(({ n }) => n === 0);
  await openInboxes(
    deps,
    header,
    fresh.map(({ partition }) => partition),
  );
  const pages = await Promise.all(
    rows.map(async (row): Promise<Page> => {
      const { lists, next } = await audiencePage(deps, header, row, cause);
      return { row, batch: batchesOf(header, row, lists)[0], next };
    }),
  );
  const written = pages.flatMap(({ batch }) => (batch ? [batch] : []));
  const stored = await documentsOf(deps, header).insertOrAdopt(written);
  await publishBatches(deps.broker, header, stored, cause);
  const byId = new Map(stored.map((batch) => [batch._id, batch]));
  const moves = pages.map((page) => moveOf(page, page.batch && byId.get(page.batch._id)));
  const moved = await deps.partitions.advanceAll(moves);
  return moved > 0 && moves.some(({ step }) => step.isDone);
}

function moveOf({ row, batch, next }: Page, stored: Batch | undefined): Move {
  if (batch && !stored) throw new Error(`${batch._id} was refused and is not there`);
  const last = stored?.recipients.at(-1) ?? null;
  const isAdopted = last !== (batch?.recipients.at(-1) ?? null);
  const cursor = cursorBehind(isAdopted ? last : next);
  const sent = stored?.recipients.length ?? 0;
  return { row, step: { batches: stored ? 1 : 0, sent, unknown: 0, cursor, isDone: cursor === null } };
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
