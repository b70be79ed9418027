import { type Db, type Document, MongoClient } from "mongodb";

/** What DESIGN.md calls accepted: on the disks of the majority. */
const DURABLE = { w: "majority", j: true };

export async function openMongo(): Promise<Db> {
  const client = new MongoClient(String(process.env["MONGO_URL"]), { maxPoolSize: 50 });
  await client.connect();
  return client.db();
}

/** A find as the bare command: the driver's cursor costs several times its processor time. All rows are in one answer. */
export async function findRows<Row>(db: Db, find: string, filter: Document, more: Document): Promise<readonly Row[]> {
  const { cursor } = await db.command({ find, filter, ...more, singleBatch: true });
  if (!isCursor<Row>(cursor)) throw new Error("the server answered a reading without a cursor");
  return cursor.firstBatch;
}

const isCursor = <Row>(cursor: unknown): cursor is { readonly firstBatch: readonly Row[] } =>
  typeof cursor === "object" && cursor !== null && "firstBatch" in cursor && Array.isArray(cursor.firstBatch);

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
