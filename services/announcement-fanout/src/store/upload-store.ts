import { compareUserIds, PARTITIONS, partitionOf } from "@strata/contracts";
import { isDuplicateKey } from "@strata/runtime";
import type { Db } from "mongodb";
import { ALL_PARTITIONS, announcementKey, below, partitionRowId } from "../domain/batch.ts";

/** `<app>/<announcement>/<partition>/<user id>`: one row for each user, however often she is named. */
interface UploadedRow {
  readonly _id: string;
}

/** The recipients of an upload: rows as they come in, read in order by their ids until they are batches. */
export interface UploadStore {
  /** Inserts who is not there yet. Durable when it resolves. */
  insertNew(app: string, announcementId: string, userIds: readonly string[]): Promise<void>;
  /** How many each partition has that has any: from the index, one by one, so that no single question takes long. */
  count(
    app: string,
    announcementId: string,
  ): Promise<readonly { readonly partition: number; readonly users: number }[]>;
  /** The same, exact up to 20,000; above it one partition stands for all. */
  countAbout(app: string, announcementId: string): Promise<number>;
  /** The users of a partition behind `after`, ascending in `compareUserIds`, from the index alone. */
  page(
    app: string,
    announcementId: string,
    partition: number,
    after: string | null,
    limit: number,
  ): Promise<readonly string[]>;
  /** Removes what is left of one partition; false when nothing is left of any. */
  removeSome(app: string, announcementId: string): Promise<boolean>;
}

const COUNTED_EXACTLY = 20_000;
/** So many users tell whether a command has been stored before, whole or for the most part. */
const SAMPLE = 16;

export function mongoUploadStore(db: Db): UploadStore {
  const rows = db.collection<UploadedRow>("uploaded_recipients");

  /** An upload that is repeated is known to the last user, and then asking is far cheaper than being refused each one. */
  const knownAmong = async (ids: readonly string[]): Promise<ReadonlySet<string>> => {
    const step = Math.max(1, Math.floor(ids.length / SAMPLE));
    const sample = ids.filter((_, index) => index % step === 0);
    if (!(await rows.findOne({ _id: { $in: sample } }))) return new Set();
    const known = await rows.find({ _id: { $in: [...ids] } }, { projection: { _id: 1 } }).toArray();
    return new Set(known.map(({ _id }) => _id));
  };

  const countIn = (app: string, announcementId: string, partition: number): Promise<number> =>
    rows.countDocuments({ _id: below(partitionRowId(app, announcementId, partition)) });

  return {
    async insertNew(app, announcementId, userIds) {
      const rowId = (userId: string): string => `${partitionRowId(app, announcementId, partitionOf(userId))}/${userId}`;
      // In the order of the index, which then is written from one end to the other.
      const ids = [...new Set(userIds)].map(rowId).toSorted(compareUserIds);
      const known = await knownAmong(ids);
      const documents = ids.filter((_id) => !known.has(_id)).map((_id) => ({ _id }));
      if (documents.length === 0) return;
      try {
        await rows.insertMany(documents, { ordered: false });
      } catch (error) {
        if (!isDuplicateKey(error)) throw error;
      }
    },
    async count(app, announcementId) {
      const counts: { partition: number; users: number }[] = [];
      for (const partition of ALL_PARTITIONS) {
        counts.push({ partition, users: await countIn(app, announcementId, partition) });
      }
      return counts.filter(({ users }) => users > 0);
    },
    async countAbout(app, announcementId) {
      const all = { _id: below(announcementKey(app, announcementId)) };
      const count = await rows.countDocuments(all, { limit: COUNTED_EXACTLY });
      return count < COUNTED_EXACTLY ? count : (await countIn(app, announcementId, 0)) * PARTITIONS;
    },
    async page(app, announcementId, partition, after, limit) {
      const prefix = partitionRowId(app, announcementId, partition);
      const { $gte, $lt } = below(prefix);
      const range = after === null ? { $gte, $lt } : { $gt: `${$gte}${after}`, $lt };
      const found = await rows
        .find({ _id: range }, { projection: { _id: 1 } })
        .sort({ _id: 1 })
        .limit(limit)
        .toArray();
      return found.map(({ _id }) => _id.slice($gte.length));
    },
    async removeSome(app, announcementId) {
      const first = await rows
        .find({ _id: below(announcementKey(app, announcementId)) })
        .sort({ _id: 1 })
        .limit(1)
        .next();
      if (!first) return false;
      await rows.deleteMany({ _id: below(first._id.split("/", 3).join("/")) });
      return true;
    },
  };
}
