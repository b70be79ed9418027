import { compareUserIds, partitionOf, type RecipientChunk } from "@strata/contracts";

/** Recipients of one batch at most: chunk n of a partition becomes its batch n. */
const CHUNK_RECIPIENTS = 1_000;

/**
 * Cuts a list of distinct user ids into chunks: by partition, ascending within each, numbered from 0. One partition is
 * sorted at a time, so that whoever walks this may pause in between.
 */
export function* chunksOf(userIds: readonly string[]): Generator<RecipientChunk> {
  const groups = Map.groupBy(userIds, partitionOf);
  for (const [partition, members] of [...groups].toSorted(([a], [b]) => a - b)) {
    members.sort(compareUserIds);
    for (let start = 0, chunk = 0; start < members.length; start += CHUNK_RECIPIENTS, chunk += 1) {
      yield { partition, chunk, userIds: members.slice(start, start + CHUNK_RECIPIENTS) };
    }
  }
}

/** How many chunks each partition has; partitions without recipients are absent. */
export const chunkCounts = (chunks: readonly RecipientChunk[]): { partition: number; count: number }[] =>
  [...Map.groupBy(chunks, ({ partition }) => partition)].map(([partition, own]) => ({ partition, count: own.length }));

/**
 * Packs chunks, in their order, into messages of at most `maxBytes` of JSON each, `overheadBytes` of which belong to the
 * rest of the message. A chunk that alone is larger travels alone.
 */
export function* packChunks(
  chunks: readonly RecipientChunk[],
  { maxBytes, overheadBytes }: { readonly maxBytes: number; readonly overheadBytes: number },
): Generator<RecipientChunk[]> {
  let packed: RecipientChunk[] = [];
  let bytes = overheadBytes;
  for (const chunk of chunks) {
    const size = Buffer.byteLength(JSON.stringify(chunk)) + 1;
    if (packed.length > 0 && bytes + size > maxBytes) {
      yield packed;
      packed = [];
      bytes = overheadBytes;
    }
    packed.push(chunk);
    bytes += size;
  }
  if (packed.length > 0) yield packed;
}

/**
 * Distinct user ids in groups of at most `size`, in one order that only depends on who they are: by partition, so that
 * the users of a group are of as few as can be.
 */
export function* groupsOf(userIds: readonly string[], size: number): Generator<readonly string[]> {
  let group: string[] = [];
  for (const chunk of chunksOf(userIds)) {
    for (const userId of chunk.userIds) {
      group.push(userId);
      if (group.length < size) continue;
      yield group;
      group = [];
    }
  }
  if (group.length > 0) yield group;
}
