import { type Db, type Document, MongoClient } from "mongodb";

/** What DESIGN.md calls accepted: on the disks of the majority. */
const DURABLE = { w: "majority", j: true };
/** More rows than any reading here has: all of them are in one answer. */
const ALL = 100_000;

export async function openMongo(): Promise<Db> {
  const client = new MongoClient(String(process.env["MONGO_URL"]), { maxPoolSize: 20 });
  await client.connect();
  return client.db();
}

/** A find as the bare command: the driver's cursor costs several times its processor time. */
export const findRows = <Row>(db: Db, find: string, filter: Document, more: Document = {}): Promise<readonly Row[]> =>
  read(db, { find, filter, ...more, batchSize: ALL, singleBatch: true });

export const aggregateRows = <Row>(db: Db, aggregate: string, pipeline: readonly Document[]): Promise<readonly Row[]> =>
  read(db, { aggregate, pipeline, cursor: { batchSize: ALL } });

/** Bytes are read where they lie. */
async function read<Row>(db: Db, command: Document): Promise<readonly Row[]> {
  const { cursor } = await db.command(command, { promoteBuffers: true });
  const { firstBatch }: { readonly firstBatch: readonly Row[] } = cursor;
  return firstBatch;
}

export async function insertRows(db: Db, insert: string, documents: readonly Document[]): Promise<void> {
  check(await db.command({ insert, documents, writeConcern: DURABLE }), documents.length);
}

/** Updates of the bare command, `{ q, u }` each; so many documents are there to be found. */
export async function updateRows(db: Db, update: string, updates: readonly Document[], found: number): Promise<void> {
  check(await db.command({ update, updates, writeConcern: DURABLE }), found);
}

function check({ n, writeErrors, writeConcernError }: Document, expected: number): void {
  if (n === expected && writeErrors === undefined && writeConcernError === undefined) return;
  throw new Error(`${String(n)} of ${expected} were written: ${JSON.stringify({ writeErrors, writeConcernError })}`);
}
