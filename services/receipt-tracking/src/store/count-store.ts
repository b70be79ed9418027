import type { Db } from "mongodb";
import { z } from "zod";
import type { KeyRange } from "../domain/receipt-key.ts";
import { type DirtyRow, type DirtyRows, mongoDirtyRows } from "./dirty-rows.ts";

/** How many recipients; `delivered` are those of whom any other receipt than `deleted` is on record. */
export interface Counts {
  readonly delivered: number;
  readonly read: number;
  readonly opened: number;
  readonly deleted: number;
}

/** Counts per partition of an announcement, derived from the receipts. */
export interface CountStore extends DirtyRows<Counts> {
  /** Sums over the rows of one announcement. */
  total(range: KeyRange): Promise<Counts>;
}

const Total = z.object({ delivered: z.number(), read: z.number(), opened: z.number(), deleted: z.number() });
const NONE: Counts = { delivered: 0, read: 0, opened: 0, deleted: 0 };
/** What was never counted, or by a version that knew fewer kinds, adds nothing. */
const SUMS = {
  delivered: { $sum: "$delivered" },
  read: { $sum: "$read" },
  opened: { $sum: "$opened" },
  deleted: { $sum: "$deleted" },
};

export function mongoCountStore(db: Db): CountStore {
  const rows = db.collection<DirtyRow & Partial<Counts>>("receipt_counts");
  return {
    ...mongoDirtyRows<Counts>(db, "receipt_counts"),
    async total({ after, before }) {
      const [total] = await rows
        .aggregate([{ $match: { _id: { $gt: after, $lt: before } } }, { $group: { _id: null, ...SUMS } }])
        .toArray();
      return total === undefined ? NONE : Total.parse(total);
    },
  };
}
