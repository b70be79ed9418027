import { randomUUID } from "node:crypto";
import { isDuplicateKey } from "@strata/runtime";
import type { Db } from "mongodb";
import { z } from "zod";
import type { KeyRange } from "../domain/receipt-key.ts";

/** How many recipients; `delivered` are those of whom any other receipt than `deleted` is on record. */
export interface Counts {
  readonly delivered: number;
  readonly read: number;
  readonly opened: number;
  readonly deleted: number;
}

/** A row that nobody else counts now. */
export interface Leased {
  readonly key: string;
  /** As it was when the row was taken: a change since then makes it another. */
  readonly dirty: string;
  readonly lease: string;
}

/**
 * Counts per partition of an announcement, derived from the receipts and never added to. A changed partition is marked
 * dirty before its command is acknowledged, and counted again from its rows, so that whatever is killed in between, the
 * numbers come to equal the rows.
 */
export interface CountStore {
  markDirty(keys: readonly string[]): Promise<void>;
  /** Sums over the rows of one announcement. */
  total(range: KeyRange): Promise<Counts>;
  /** Takes the dirty row that has waited longest, if one is due. A lease that runs out makes it due again. */
  takeDue(): Promise<Leased | null>;
  /** False when somebody else has taken the row meanwhile. */
  renew(leased: Leased): Promise<boolean>;
  /**
   * Stores what was counted under this lease, unless it was lost. Marked dirty since, the row stays due; else it is
   * clean. Either way it rests for a while.
   */
  store(leased: Leased, counts: Counts, restMs: number): Promise<void>;
  ensureIndexes(): Promise<void>;
}

interface Row extends Partial<Counts> {
  readonly _id: string;
  /** Absent when the numbers are right; else another one after every change. */
  readonly dirty?: string;
  /** Present with `dirty`: when to count again. */
  readonly dueAt?: Date;
  readonly restUntil?: Date;
  readonly lease?: string;
}

export const LEASE_MS = 10_000;

const Taken = z.object({ _id: z.string(), dirty: z.string(), lease: z.string() });
const Total = z.object({ delivered: z.number(), read: z.number(), opened: z.number(), deleted: z.number() });
const NONE: Counts = { delivered: 0, read: 0, opened: 0, deleted: 0 };

/**
 * Losing a lease or a stored count in a failover only means to count again, so these writes do not wait for a majority.
 * What must survive is the mark, and that one waits.
 */
const RECOUNTABLE = { writeConcern: { w: 1 } } as const;

export function mongoCountStore(db: Db): CountStore {
  const rows = db.collection<Row>("receipt_counts");

  const mark = async (keys: readonly string[], dirty: string): Promise<void> => {
    const now = new Date();
    const changes = {
      dirty,
      // A row being counted, or resting after it, becomes due when that ends and not sooner.
      dueAt: { $ifNull: ["$dueAt", { $max: [now, "$restUntil"] }] },
    };
    await rows.bulkWrite(
      keys.map((_id) => ({ updateOne: { filter: { _id }, update: [{ $set: changes }], upsert: true } })),
      { ordered: false },
    );
  };

  return {
    async markDirty(keys) {
      if (keys.length === 0) return;
      const dirty = randomUUID();
      try {
        await mark(keys, dirty);
      } catch (error) {
        // Two upserts of one new row at the same moment: by now it exists, and the second try updates it.
        if (!isDuplicateKey(error)) throw error;
        await mark(keys, dirty);
      }
    },
    async total({ after, before }) {
      const [total] = await rows
        .aggregate([
          { $match: { _id: { $gt: after, $lt: before } } },
          // What was never counted, or by a version that knew fewer kinds, adds nothing.
          {
            $group: {
              _id: null,
              delivered: { $sum: "$delivered" },
              read: { $sum: "$read" },
              opened: { $sum: "$opened" },
              deleted: { $sum: "$deleted" },
            },
          },
        ])
        .toArray();
      return total === undefined ? NONE : Total.parse(total);
    },
    async takeDue() {
      const row = await rows.findOneAndUpdate(
        { dueAt: { $lte: new Date() } },
        { $set: { lease: randomUUID(), dueAt: leaseEnd() } },
        { sort: { dueAt: 1 }, returnDocument: "after", ...RECOUNTABLE },
      );
      if (!row) return null;
      const { _id: key, dirty, lease } = Taken.parse(row);
      return { key, dirty, lease };
    },
    async renew({ key, lease }) {
      const renewed = await rows.updateOne({ _id: key, lease }, { $set: { dueAt: leaseEnd() } }, RECOUNTABLE);
      return renewed.matchedCount === 1;
    },
    async store({ key, dirty, lease }, counts, restMs) {
      const restUntil = new Date(Date.now() + restMs);
      const isClean = { $eq: ["$dirty", dirty] };
      const changes = {
        ...counts,
        restUntil,
        dirty: { $cond: [isClean, "$$REMOVE", "$dirty"] },
        dueAt: { $cond: [isClean, "$$REMOVE", restUntil] },
        lease: "$$REMOVE",
      };
      // Numbers of a lost lease may be older than those stored since, and would never be corrected.
      await rows.updateOne({ _id: key, lease }, [{ $set: changes }], RECOUNTABLE);
    },
    async ensureIndexes() {
      // Sparse: only dirty rows are in it, so that looking for work costs nothing where there is none.
      await rows.createIndex({ dueAt: 1 }, { sparse: true });
    },
  };
}

const leaseEnd = (): Date => new Date(Date.now() + LEASE_MS);
