import { isDuplicateKey } from "@strata/runtime";
import type { Db } from "mongodb";
import { announcementKey, below, partitionRowId } from "../domain/batch.ts";

/** A user who became known after an announcement that is for her, too, if she matches; until she has it or has not. */
export interface Latecomer {
  readonly _id: string;
  readonly partition: number;
  readonly userId: string;
}

/** `<app>/<announcement>/<partition>/<user id>` */
export const aLatecomer = (app: string, announcementId: string, partition: number, userId: string): Latecomer => ({
  _id: `${partitionRowId(app, announcementId, partition)}/${userId}`,
  partition,
  userId,
});

export interface LatecomerStore {
  /** Inserts who is not there yet. */
  insertNew(latecomers: readonly Latecomer[]): Promise<void>;
  /** The first of an announcement, all of one partition, ascending. */
  first(app: string, announcementId: string, limit: number): Promise<readonly Latecomer[]>;
  remove(latecomers: readonly Latecomer[]): Promise<void>;
  removeAll(app: string, announcementId: string): Promise<void>;
}

export function mongoLatecomerStore(db: Db): LatecomerStore {
  const latecomers = db.collection<Latecomer>("latecomers");
  return {
    async insertNew(rows) {
      if (rows.length === 0) return;
      try {
        await latecomers.insertMany([...rows], { ordered: false });
      } catch (error) {
        if (!isDuplicateKey(error)) throw error;
      }
    },
    async first(app, announcementId, limit) {
      const rows = await latecomers
        .find({ _id: below(announcementKey(app, announcementId)) })
        .sort({ _id: 1 })
        .limit(limit)
        .toArray();
      return rows.filter(({ partition }) => partition === rows[0]?.partition);
    },
    async remove(rows) {
      await latecomers.deleteMany({ _id: { $in: rows.map(({ _id }) => _id) } });
    },
    async removeAll(app, announcementId) {
      await latecomers.deleteMany({ _id: below(announcementKey(app, announcementId)) });
    },
  };
}
