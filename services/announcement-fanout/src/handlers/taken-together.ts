import { PARTITIONS } from "@strata/contracts";
import { RECIPIENTS_PER_BATCH } from "../domain/batch.ts";
import type { Header } from "../domain/header.ts";
import type { PartitionRow } from "../store/partition-store.ts";
import { LISTS_AT_ONCE } from "./next-members.ts";

type Sized = Pick<Header, "audience" | "isUploaded" | "state" | "chunks" | "recipientCount">;
type Row = Pick<PartitionRow, "announcement" | "partition" | "isSorting" | "slice" | "n">;

/**
 * Of the partitions that are next in a slot, those that one step takes. What is for a few thousand is spread over all
 * partitions, and what each of them costs does not depend on how few are in it: so those of one announcement are taken
 * together. The bound is as for a long one, of the recipients expected in them.
 */
export function takenTogether<R extends Row>(header: Sized, rows: readonly R[]): readonly R[] {
  const expectedIn = expectedInEach(header);
  const own = rows.filter(({ announcement, isSorting, slice }) => {
    return announcement === rows[0]?.announcement && !isSorting && slice === undefined;
  });
  if (expectedIn === null || header.state !== "distributing" || own.length < 2) return rows.slice(0, 1);
  let expected = 0;
  const ends = own.findIndex((row, index) => {
    expected += expectedIn(row);
    return index > 0 && expected > LISTS_AT_ONCE * RECIPIENTS_PER_BATCH;
  });
  return ends === -1 ? own : own.slice(0, ends);
}

/** How many recipients a step would find in a partition; null where each is to be taken by itself. */
function expectedInEach({ audience, isUploaded, chunks, recipientCount }: Sized): ((row: Row) => number) | null {
  if (isUploaded) return null;
  if (audience.kind !== "recipients") return expectedOfAudience(recipientCount);
  const chunksOf = new Map(chunks?.map(({ partition, count }) => [partition, count]));
  const inChunk =
    recipientCount /
    Math.max(
      1,
      [...chunksOf.values()].reduce((sum, count) => sum + count, 0),
    );
  return ({ partition }) => inChunk * Math.min(chunksOf.get(partition) ?? 0, LISTS_AT_ONCE);
}

/** A batch is taken of each, and where there are more they are taken by themselves, several at once and read ahead. */
function expectedOfAudience(recipientCount: number): ((row: Row) => number) | null {
  const inEach = recipientCount / PARTITIONS;
  if (inEach > RECIPIENTS_PER_BATCH) return null;
  // Counted only where somebody asked for it; else the first batch of each says whether there are more.
  return inEach > 0 ? () => inEach : ({ n }) => (n === 0 ? RECIPIENTS_PER_BATCH : Number.POSITIVE_INFINITY);
}
