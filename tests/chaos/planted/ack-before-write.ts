// announcement-fanout with a planted fault: batches count as written 400 ms before they are. Killed in between, they are
// gone. It exists to show that the kill test would notice a build that acknowledges before it writes.
import { setTimeout as wait } from "node:timers/promises";
import { Collection, type InsertOneResult, ObjectId } from "mongodb";

const EARLY_MS = 400;

// oxlint-disable-next-line typescript/unbound-method -- called with `this` below
const insertOne = Collection.prototype.insertOne;
Collection.prototype.insertOne = async function writeLater(this: Collection, document, options) {
  if (this.collectionName !== "batches") return insertOne.call(this, document, options);
  void wait(EARLY_MS).then(() => insertOne.call(this, document, options).catch(() => undefined));
  const result: InsertOneResult = { acknowledged: true, insertedId: new ObjectId() };
  return result;
};

await import(new URL("../../../services/announcement-fanout/src/main.ts", import.meta.url).href);
