import { isDuplicateKey } from "@strata/runtime";
import { type Collection, MongoBulkWriteError } from "mongodb";
import { type Batch, batchId, below, latecomersPrefix, slicePrefix } from "../domain/batch.ts";

/** What the batches of inboxes and of rosters have in common. */
export interface BatchDocuments {
  /** Inserts what is not there yet. */
  insertNew(batches: readonly Batch[]): Promise<void>;
  /**
   * Inserts batches in their order, up to the first whose id is taken. Answers those that are stored now: in the place of
   * the one that was refused, and instead of those behind it, the one that a worker before us stored.
   */
  insertInOrder(batches: readonly Batch[]): Promise<{ readonly stored: readonly Batch[]; readonly isAdopted: boolean }>;
  /** Inserts batches; in place of those that a worker before us stored under their ids, answers the stored ones. */
  insertOrAdopt(batches: readonly Batch[]): Promise<readonly Batch[]>;
  /** Those of these that are stored. */
  findMany(ids: readonly string[]): Promise<readonly Batch[]>;
  countLatecomers(app: string, announcementId: string, partition: number): Promise<number>;
  /** The batches of one slice of a partition from the n-th on. */
  from(app: string, announcementId: string, partition: number, n: number, slice: number): Promise<readonly Batch[]>;
}

export function batchDocuments(collection: Collection<Batch>): BatchDocuments {
  const findMany = (ids: readonly string[]): Promise<Batch[]> =>
    collection
      .find({ _id: { $in: [...ids] } })
      .sort({ _id: 1 })
      .toArray();
  return {
    findMany,
    async insertNew(rows) {
      if (rows.length === 0) return;
      try {
        await collection.insertMany([...rows], { ordered: false });
      } catch (error) {
        if (!isDuplicateKey(error)) throw error;
      }
    },
    async insertInOrder(rows) {
      if (rows.length === 0) return { stored: rows, isAdopted: false };
      try {
        await collection.insertMany([...rows], { ordered: true });
        return { stored: rows, isAdopted: false };
      } catch (error) {
        if (!isDuplicateKey(error) || !(error instanceof MongoBulkWriteError)) throw error;
        const refused = rows[error.insertedCount];
        const adopted = refused && (await collection.findOne({ _id: refused._id }));
        // Refused and not there: it was taken away meanwhile, and its announcement with it.
        if (!adopted) throw error;
        return { stored: [...rows.slice(0, error.insertedCount), adopted], isAdopted: true };
      }
    },
    async insertOrAdopt(rows) {
      if (rows.length === 0) return rows;
      try {
        await collection.insertMany([...rows], { ordered: false });
        return rows;
      } catch (error) {
        if (!isDuplicateKey(error)) throw error;
        return findMany(rows.map(({ _id }) => _id));
      }
    },
    countLatecomers: (app, announcementId, partition) =>
      collection.countDocuments({ _id: below(latecomersPrefix(app, announcementId, partition)) }),
    from: (app, announcementId, partition, n, slice) =>
      collection
        .find({
          _id: {
            $gte: batchId(app, announcementId, partition, n, slice),
            $lt: below(slicePrefix(app, announcementId, partition, slice)).$lt,
          },
        })
        .sort({ _id: 1 })
        .toArray(),
  };
}
