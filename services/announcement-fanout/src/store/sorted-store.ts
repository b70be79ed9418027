import { isDuplicateKey } from "@strata/runtime";
import type { Db } from "mongodb";
import { announcementKey, below, partitionRowId, sliceRowId } from "../domain/batch.ts";

interface SortedRow {
  /** `<app>/<announcement>/<partition>/<user id>`: whatever her clock shows later, she is in one slice. */
  readonly _id: string;
  /** `<app>/<announcement>/<partition>/<moment>` */
  readonly slice: string;
  readonly userId: string;
}

/** One recipient, and the moment at which she gets it. */
export interface Sorted {
  readonly userId: string;
  readonly moment: number;
}

/** The recipients of an announcement by local time, by when each of them gets it; until they are batches. */
export interface SortedStore {
  /** Inserts who is not there yet; whoever is keeps her moment. */
  insertNew(app: string, announcementId: string, partition: number, sorted: readonly Sorted[]): Promise<void>;
  /** The users of a partition with this moment behind `after`, ascending in `compareUserIds`. */
  page(
    app: string,
    announcementId: string,
    partition: number,
    moment: number,
    after: string | null,
    limit: number,
  ): Promise<readonly string[]>;
  /** Removes what is left of one partition; false when nothing is left of any. */
  removeSome(app: string, announcementId: string): Promise<boolean>;
  ensureIndexes(): Promise<void>;
}

export function mongoSortedStore(db: Db): SortedStore {
  const rows = db.collection<SortedRow>("sorted_recipients");
  return {
    async insertNew(app, announcementId, partition, sorted) {
      if (sorted.length === 0) return;
      const documents = sorted.map(({ userId, moment }) => ({
        _id: `${partitionRowId(app, announcementId, partition)}/${userId}`,
        slice: sliceRowId(app, announcementId, partition, moment),
        userId,
      }));
      try {
        await rows.insertMany(documents, { ordered: false });
      } catch (error) {
        if (!isDuplicateKey(error)) throw error;
      }
    },
    async page(app, announcementId, partition, moment, after, limit) {
      const slice = sliceRowId(app, announcementId, partition, moment);
      const found = await rows
        .find({ slice, userId: { $gt: after ?? "" } }, { projection: { _id: 0, userId: 1 } })
        .sort({ userId: 1 })
        .limit(limit)
        .toArray();
      return found.map(({ userId }) => userId);
    },
    async removeSome(app, announcementId) {
      const first = await rows.findOne({ _id: below(announcementKey(app, announcementId)) });
      if (!first) return false;
      await rows.deleteMany({ _id: below(first._id.split("/", 3).join("/")) });
      return true;
    },
    async ensureIndexes() {
      await rows.createIndex({ slice: 1, userId: 1 });
    },
  };
}
