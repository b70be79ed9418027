import { FindUnknownUsers } from "@strata/contracts";
import type { Cause, Client } from "@strata/messaging";
import { type Cursor, cursorOf, RECIPIENTS_PER_BATCH } from "../domain/batch.ts";
import { announcementIdOf, type Header } from "../domain/header.ts";
import type { ChunkStore } from "../store/chunk-store.ts";
import type { PartitionRow } from "../store/partition-store.ts";

/** Batches of a partition written together: one wait for the disk serves them all. Bounds a worker's memory to 4,000 ids. */
export const LISTS_AT_ONCE = 4;

/** Who is in the next batches of a partition: list k is batch `row.n + k`. */
export interface Members extends Pick<Cut, "row" | "cursor" | "isDone"> {
  readonly lists: readonly {
    /** Known, ascending. */
    readonly recipients: readonly string[];
    /** How many were named for it. */
    readonly named: number;
  }[];
}

interface Cut {
  readonly row: PartitionRow;
  readonly named: readonly (readonly string[])[];
  /** Where the batches behind these begin; null where their number says it. */
  readonly cursor: Cursor | null;
  readonly isDone: boolean;
}

interface Deps {
  readonly chunks: ChunkStore;
  readonly broker: Client;
}

/**
 * The members of the next batches of partitions of one announcement. For a row and a limit they are cut the same way each
 * time, so that a worker that repeats a dead one's step comes to the same batches. Below 1,000 (a throttle) it is one batch
 * of one partition.
 */
export async function nextMembers(
  { chunks, broker }: Deps,
  header: Header,
  rows: readonly PartitionRow[],
  limit: number,
  cause?: Cause,
): Promise<readonly Members[]> {
  const cuts =
    limit < RECIPIENTS_PER_BATCH
      ? await partOfOne(chunks, header, rows, limit)
      : await wholeChunks(chunks, header, rows);
  const lists = cuts.flatMap(({ named }) => named);
  const known = (await knownAmong(broker, header.app, lists, cause)).values();
  return cuts.map(({ row, named, cursor, isDone }) => ({
    row,
    cursor,
    isDone,
    lists: named.map((list) => ({ recipients: known.next().value ?? [], named: list.length })),
  }));
}

const chunkCountOf = ({ chunks }: Header, row: PartitionRow): number =>
  chunks?.find(({ partition }) => partition === row.partition)?.count ?? 0;

/** Whole chunks, each of which is a batch. */
async function wholeChunks(chunks: ChunkStore, header: Header, rows: readonly PartitionRow[]): Promise<readonly Cut[]> {
  const ranges = rows.map((row) => {
    const { chunk: from } = cursorOf(row);
    const last = chunkCountOf(header, row);
    return { row, last, partition: row.partition, from, to: Math.min(from + LISTS_AT_ONCE, last) };
  });
  const found = await chunks.ranges(header.app, announcementIdOf(header), ranges);
  return ranges.map(({ row, to, last }, index) => ({
    row,
    named: found[index] ?? [],
    cursor: null,
    isDone: to >= last,
  }));
}

/** A part of a chunk of the first. */
async function partOfOne(
  chunks: ChunkStore,
  header: Header,
  [row]: readonly PartitionRow[],
  limit: number,
): Promise<readonly Cut[]> {
  if (row === undefined) return [];
  const { chunk, offset } = cursorOf(row);
  const last = chunkCountOf(header, row);
  const range = { partition: row.partition, from: chunk, to: Math.min(chunk + 1, last) };
  const [[members = []] = []] = await chunks.ranges(header.app, announcementIdOf(header), [range]);
  const isChunkDone = offset + limit >= members.length;
  const cursor = isChunkDone ? { chunk: chunk + 1, offset: 0 } : { chunk, offset: offset + limit };
  return [{ row, named: [members.slice(offset, offset + limit)], cursor, isDone: cursor.chunk >= last }];
}

/** Of each list those who exist, in their order; short lists share a question. A list has at most 1,000 users. */
export async function knownAmong(
  broker: Client,
  app: string,
  lists: readonly (readonly string[])[],
  cause?: Cause,
): Promise<readonly (readonly string[])[]> {
  const answers = await Promise.all(
    questionsOf(lists).map((userIds) => broker.ask(FindUnknownUsers, app, { userIds }, cause ? { cause } : {})),
  );
  const unknown = new Set(answers.flatMap((answer) => answer.unknown));
  return unknown.size === 0 ? lists : lists.map((list) => list.filter((userId) => !unknown.has(userId)));
}

function questionsOf(lists: readonly (readonly string[])[]): readonly string[][] {
  const questions: string[][] = [];
  for (const list of lists) {
    const last = questions.at(-1);
    if (last && last.length + list.length <= RECIPIENTS_PER_BATCH) last.push(...list);
    else if (list.length > 0) questions.push([...list]);
  }
  return questions;
}
