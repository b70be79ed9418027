import type { Db, Document, Long } from "mongodb";
import { isUnreachable } from "./mongo.ts";

/** A `find` or `aggregate` as the server takes it: https://www.mongodb.com/docs/manual/reference/command/find/ */
type Reading =
  | (Document & { readonly find: string; readonly filter: Document; readonly batchSize: number })
  | (Document & { readonly aggregate: string; readonly pipeline: readonly Document[]; readonly cursor: Document });

interface FirstBatch {
  /** 0: there is no more. */
  readonly id: number | Long;
  readonly firstBatch: readonly Document[];
}

/**
 * All rows of a reading that mostly fits one answer: the command itself, since a driver's cursor costs several times its
 * processor time. What does not fit (16 MB, or more rows than the batch size) is read again through a cursor. Tried a
 * second time when the server went away meanwhile, as the driver tries its own readings.
 */
export async function readRows(db: Db, reading: Reading): Promise<readonly Document[]> {
  const { id, firstBatch } = await firstBatchOf(db, reading);
  if (id === 0) return firstBatch;
  await db.command({ killCursors: reading["find"] ?? reading["aggregate"], cursors: [id] });
  return db.runCursorCommand(reading).toArray();
}

async function firstBatchOf(db: Db, reading: Reading): Promise<FirstBatch> {
  try {
    return cursorOf(await db.command(reading));
  } catch (error) {
    if (!isUnreachable(error)) throw error;
    return cursorOf(await db.command(reading));
  }
}

function cursorOf({ cursor }: Document): FirstBatch {
  if (!isFirstBatch(cursor)) throw new Error("the server answered a reading without a cursor");
  return cursor;
}

const isFirstBatch = (cursor: unknown): cursor is FirstBatch =>
  typeof cursor === "object" && cursor !== null && "firstBatch" in cursor && Array.isArray(cursor.firstBatch);
