import { setTimeout as wait } from "node:timers/promises";
import { Collection, type InsertManyResult } from "mongodb";

const EARLY_MS = 400;

/** The planted fault: what is inserted into a collection counts as written so long before it is. */
export function insertLate(collectionName: string, earlyMs = EARLY_MS): void {
  // oxlint-disable-next-line typescript/unbound-method -- called with `this` below
  const insertMany = Collection.prototype.insertMany;
  Collection.prototype.insertMany = async function writeLater(this: Collection, documents, options) {
    if (this.collectionName !== collectionName) return insertMany.call(this, documents, options);
    void wait(earlyMs).then(() => insertMany.call(this, documents, options).catch(() => undefined));
    const result: InsertManyResult = { acknowledged: true, insertedCount: documents.length, insertedIds: {} };
    return result;
  };
}
