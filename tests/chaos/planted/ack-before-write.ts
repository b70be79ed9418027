// announcement-fanout with a planted fault: batches count as written 400 ms before they are. Killed in between, they are
// gone. It exists to show that the kill test would notice a build that acknowledges before it writes.
import { setTimeout as wait } from "node:timers/promises";
import { Collection, type InsertManyResult } from "mongodb";

const EARLY_MS = 400;

// oxlint-disable-next-line typescript/unbound-method -- called with `this` below
const insertMany = Collection.prototype.insertMany;
Collection.prototype.insertMany = async function writeLater(this: Collection, documents, options) {
  if (this.collectionName !== "batches") return insertMany.call(this, documents, options);
  void wait(EARLY_MS).then(() => insertMany.call(this, documents, options).catch(() => undefined));
  const result: InsertManyResult = { acknowledged: true, insertedCount: documents.length, insertedIds: {} };
  return result;
};

await import(new URL("../../../services/announcement-fanout/src/main.ts", import.meta.url).href);
