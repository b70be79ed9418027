import { isDuplicateKey } from "@strata/runtime";
import type { Db } from "mongodb";
import { ChunkRow, type Settlement } from "../domain/chunk.ts";

interface PushCounts {
  readonly accepted: number;
  readonly failed: number;
}

export interface ChunkStore {
  /** Inserts the chunks of a plan in their order; false, and nothing behind it, as soon as one is there already. */
  insertNew(rows: readonly ChunkRow[]): Promise<boolean>;
  ofPlan(planId: string): Promise<readonly ChunkRow[]>;
  /** The chunk that is due longest, now held by `holder` for `leaseMs`; null when none is due. */
  claimDue(holder: string, leaseMs: number): Promise<ChunkRow | null>;
  /** Stores what became of a send; false when somebody else has claimed the chunk meanwhile. */
  settle(chunkId: string, holder: string, settlement: Settlement): Promise<boolean>;
  /** Holds a chunk for longer. Not to be called once it is settled. */
  renew(chunkId: string, holder: string, leaseMs: number): Promise<void>;
  /** Makes an app's parked pushes due after `delayMs`. */
  unpark(app: string, delayMs: number): Promise<void>;
  counts(app: string, announcementId: string): Promise<PushCounts>;
  /** Chunks with pushes that have to wait, and those of them that wait for a credential. */
  countPending(): Promise<{ readonly waiting: number; readonly parked: number }>;
  ensureIndexes(): Promise<void>;
}

/** A lease lost with the database's last moments is taken again: it need not wait for the disk. */
const LIGHT = { writeConcern: { w: 1 } } as const;

const COUNTS_INDEX = "counts";

/** All ids below `prefix/`: the byte after "/" is "0". */
const below = (prefix: string) => ({ $gte: `${prefix}/`, $lt: `${prefix}0` });

export function mongoChunkStore(db: Db): ChunkStore {
  const chunks = db.collection<ChunkRow>("push_chunks");
  return {
    async insertNew(rows) {
      try {
        await chunks.insertMany([...rows], { ordered: true });
        return true;
      } catch (error) {
        if (!isDuplicateKey(error)) throw error;
        return false;
      }
    },
    async ofPlan(planId) {
      const rows = await chunks
        .find({ _id: below(planId) })
        .sort({ _id: 1 })
        .toArray();
      return rows.map((row) => ChunkRow.parse(row));
    },
    async claimDue(holder, leaseMs) {
      const now = Date.now();
      const row = await chunks.findOneAndUpdate(
        { dueAt: { $gt: 0, $lte: now } },
        { $set: { holder, dueAt: now + leaseMs } },
        { sort: { dueAt: 1 }, returnDocument: "after", ...LIGHT },
      );
      return row && ChunkRow.parse(row);
    },
    async settle(_id, holder, settlement) {
      const { matchedCount } = await chunks.updateOne({ _id, holder }, { $set: settlement });
      return matchedCount === 1;
    },
    async renew(_id, holder, leaseMs) {
      await chunks.updateOne({ _id, holder }, { $set: { dueAt: Date.now() + leaseMs } }, LIGHT);
    },
    async unpark(app, delayMs) {
      const dueAt = Date.now() + delayMs;
      await chunks.updateMany(
        { app, parked: true, dueAt: { $gt: dueAt } },
        { $set: { dueAt, "pending.$[].dueAt": dueAt } },
      );
    },
    async counts(app, announcementId) {
      const [sums] = await chunks
        .aggregate<PushCounts>(
          [
            { $match: { _id: below(`${app}/${announcementId}`) } },
            { $group: { _id: null, accepted: { $sum: "$accepted" }, failed: { $sum: "$failed" } } },
            { $project: { _id: 0 } },
          ],
          // Answered from the index: the rows hold an outcome per device.
          { hint: COUNTS_INDEX },
        )
        .toArray();
      return sums ?? { accepted: 0, failed: 0 };
    },
    async countPending() {
      const [waiting, parked] = await Promise.all([
        chunks.countDocuments({ dueAt: { $gt: 0 } }),
        chunks.countDocuments({ dueAt: { $gt: 0 }, parked: true }),
      ]);
      return { waiting, parked };
    },
    async ensureIndexes() {
      await chunks.createIndex({ dueAt: 1 }, { name: "due", partialFilterExpression: { dueAt: { $gt: 0 } } });
      await chunks.createIndex({ _id: 1, accepted: 1, failed: 1 }, { name: COUNTS_INDEX });
    },
  };
}
