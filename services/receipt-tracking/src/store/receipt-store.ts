import { partitionOf, type ReceiptFact } from "@strata/contracts";
import { isDuplicateKey } from "@strata/runtime";
import { type Db, MongoBulkWriteError } from "mongodb";
import { z } from "zod";
import { announcementOf, appOf, type CountKey, inboxKey, type KeyRange, type KeySpan } from "../domain/receipt-key.ts";
import type { UserTimes } from "../domain/user-times.ts";
import { byUserPipeline, userTimes } from "./by-user.ts";

/** A receipt to be stored, under the name of the command that brought it. */
export interface NewReceipt {
  readonly key: string;
  readonly fact: ReceiptFact;
  readonly by: string;
}

/** A receipt as stored. */
export interface StoredReceipt {
  readonly userId: string;
  readonly at: number;
  readonly by: string;
}

/** Receipts are facts: inserted once, never changed. Their primary key answers every question there is. */
export interface ReceiptStore {
  find(keys: readonly string[]): Promise<ReadonlyMap<string, StoredReceipt>>;
  /** Which of these keys there are; looked up in the index alone. */
  existing(keys: readonly string[]): Promise<ReadonlySet<string>>;
  /** Which keys there are in these spans, looked up in the index alone; null where they are more than `most`. */
  existingWithin(spans: readonly KeySpan[], most: number): Promise<ReadonlySet<string> | null>;
  /** Inserts what is not there yet; answers the keys of those that somebody else had inserted meanwhile. */
  insertNew(receipts: readonly NewReceipt[]): Promise<readonly string[]>;
  list(range: KeyRange, limit: number): Promise<readonly StoredReceipt[]>;
  /** How many there are in a range; counted in the index. */
  count(range: KeyRange): Promise<number>;
  /** Who of one partition of an announcement came to which state when, page by page, ascending by user id. */
  byUser(key: CountKey): AsyncIterable<readonly UserTimes[]>;
  /** The user ids of all receipts in a range, ascending, page by page. */
  userIds(range: KeyRange): AsyncIterable<readonly string[]>;
  /** Some of the announcements that a user has deleted for herself. */
  deletedBy(app: string, userId: string, limit: number): Promise<readonly string[]>;
  ensureIndexes(): Promise<void>;
}

const Row = z.object({
  _id: z.string(),
  user: z.string(),
  partition: z.number(),
  at: z.date(),
  by: z.string(),
  /** Of what was deleted for oneself: out of whose inbox. Only these are in an index beside the key. */
  inbox: z.string().optional(),
});
type Row = z.infer<typeof Row>;
const Rows = z.array(Row);
const Count = z.object({ n: z.number() });
const Keys = z.array(Row.pick({ _id: true }));

/** Keys per page of a count: some 200 kB, and few round trips. */
const PAGE_SIZE = 2_000;

export function mongoReceiptStore(db: Db): ReceiptStore {
  const receipts = db.collection<Row>("receipts");

  const inRange = (range: KeyRange, limit: number) =>
    receipts
      .find({ _id: { $gt: range.after, $lt: range.before } })
      .sort({ _id: 1 })
      .limit(limit)
      .batchSize(limit);

  return {
    async find(keys) {
      if (keys.length === 0) return new Map();
      const rows = await receipts.find({ _id: { $in: [...keys] } }, { batchSize: keys.length + 1 }).toArray();
      return new Map(Rows.parse(rows).map((row) => [row._id, storedReceipt(row)]));
    },
    async existing(keys) {
      if (keys.length === 0) return new Set();
      const options = { projection: { _id: 1 }, batchSize: keys.length + 1 };
      const found = await receipts.find({ _id: { $in: [...keys] } }, options).toArray();
      return new Set(Keys.parse(found).map(({ _id }) => _id));
    },
    async existingWithin(spans, most) {
      if (spans.length === 0) return new Set();
      const within = spans.map(({ first, last }) => ({ _id: { $gte: first, $lte: last } }));
      const limit = most + 1;
      const found = await receipts.find({ $or: within }, { projection: { _id: 1 }, limit, batchSize: limit }).toArray();
      return found.length > most ? null : new Set(Keys.parse(found).map(({ _id }) => _id));
    },
    async insertNew(news) {
      if (news.length === 0) return [];
      try {
        await receipts.insertMany(news.map(rowOf), { ordered: false });
        return [];
      } catch (error) {
        if (!isDuplicateKey(error) || !(error instanceof MongoBulkWriteError)) throw error;
        return [error.writeErrors].flat().flatMap(({ index }) => news[index]?.key ?? []);
      }
    },
    async list(range, limit) {
      const rows = await inRange(range, limit).toArray();
      return Rows.parse(rows).map(storedReceipt);
    },
    async count({ after, before }) {
      // The command, and not the driver's aggregation of the same name: it walks index keys only.
      const query = { _id: { $gt: after, $lt: before } };
      return Count.parse(await db.command({ count: receipts.collectionName, query })).n;
    },
    async *byUser(key) {
      const cursor = receipts.aggregate(byUserPipeline(key), { allowDiskUse: true, batchSize: PAGE_SIZE });
      try {
        while (await cursor.hasNext()) yield userTimes(cursor.readBufferedDocuments());
      } finally {
        await cursor.close();
      }
    },
    async *userIds({ after, before }) {
      // A user id is what follows the range's path in the key; reading keys alone never touches a document.
      const path = after.length;
      for (let from = after; ;) {
        const page = Keys.parse(await inRange({ after: from, before }, PAGE_SIZE).project({ _id: 1 }).toArray());
        const last = page.at(-1);
        if (last === undefined) return;
        yield page.map(({ _id }) => _id.slice(path));
        if (page.length < PAGE_SIZE) return;
        from = last._id;
      }
    },
    async deletedBy(app, userId, limit) {
      const rows = await receipts
        .find({ inbox: inboxKey(app, userId) })
        .project({ _id: 1 })
        .limit(limit)
        .toArray();
      return Keys.parse(rows).map(({ _id }) => announcementOf(_id));
    },
    async ensureIndexes() {
      await receipts.createIndex(
        { inbox: 1, _id: 1 },
        { name: "deleted for oneself", partialFilterExpression: { inbox: { $exists: true } } },
      );
    },
  };
}

const rowOf = ({ key, fact, by }: NewReceipt): Row => ({
  _id: key,
  user: fact.userId,
  partition: partitionOf(fact.userId),
  at: new Date(fact.at),
  by,
  ...(fact.kind === "deleted" ? { inbox: inboxKey(appOf(key), fact.userId) } : {}),
});

const storedReceipt = ({ user, at, by }: Row): StoredReceipt => ({ userId: user, at: at.getTime(), by });
