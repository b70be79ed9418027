import { FindUnknownUsers } from "@strata/contracts";
import type { Cause, Client } from "@strata/messaging";
import { type Cursor, cursorOf, RECIPIENTS_PER_BATCH } from "../domain/batch.ts";
import type { Header } from "../domain/header.ts";
import type { ChunkStore } from "../store/chunk-store.ts";
import type { PartitionRow } from "../store/partition-store.ts";

/** Batches written together: one wait for the disk serves them all. Bounds a worker's memory to 4,000 ids. */
const LISTS_AT_ONCE = 4;

/** Who is in the next batches of a partition: list k is batch `row.n + k`. */
export interface Members {
  readonly lists: readonly {
    /** Known, ascending. */
    readonly recipients: readonly string[];
    /** How many were named for it. */
    readonly named: number;
  }[];
  /** Where the batches behind these begin; null where their number says it. */
  readonly cursor: Cursor | null;
  readonly isDone: boolean;
}

interface Deps {
  readonly chunks: ChunkStore;
  readonly broker: Client;
}

/**
 * The members of a partition's next batches. For one row and one limit they are cut the same way each time, so that a
 * worker that repeats a dead one's step comes to the same batches. Below 1,000 (a throttle) it is one batch at a time.
 */
export async function nextMembers(
  { chunks, broker }: Deps,
  header: Header,
  row: PartitionRow,
  limit: number,
  cause?: Cause,
): Promise<Members> {
  const { app, announcement, partition } = row;
  const last = header.chunks?.find((one) => one.partition === partition)?.count ?? 0;
  const { chunk, offset } = cursorOf(row);
  const lists = async (named: readonly (readonly string[])[]): Promise<Members["lists"]> =>
    Promise.all(
      named.map(async (members) => ({
        recipients: await knownAmong(broker, app, members, cause),
        named: members.length,
      })),
    );
  if (limit >= RECIPIENTS_PER_BATCH) {
    const to = Math.min(chunk + LISTS_AT_ONCE, last);
    const named = await chunks.range(app, announcement, partition, chunk, to);
    return { lists: await lists(named), cursor: null, isDone: to >= last };
  }
  const [members = []] = chunk < last ? await chunks.range(app, announcement, partition, chunk, chunk + 1) : [];
  const isChunkDone = offset + limit >= members.length;
  const cursor = isChunkDone ? { chunk: chunk + 1, offset: 0 } : { chunk, offset: offset + limit };
  return { lists: await lists([members.slice(offset, offset + limit)]), cursor, isDone: cursor.chunk >= last };
}

/** Those of at most 1,000 users who exist, in their order. */
export async function knownAmong(
  broker: Client,
  app: string,
  members: readonly string[],
  cause?: Cause,
): Promise<readonly string[]> {
  const answer = await broker.ask(FindUnknownUsers, app, { userIds: [...members] }, cause ? { cause } : {});
  if (answer.unknown.length === 0) return members;
  const unknown = new Set(answer.unknown);
  return members.filter((userId) => !unknown.has(userId));
}
