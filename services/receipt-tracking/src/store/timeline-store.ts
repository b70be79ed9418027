import type { Db } from "mongodb";
import { z } from "zod";
import type { KeyRange } from "../domain/receipt-key.ts";
import type { Timeline } from "../domain/timeline.ts";
import { type DirtyRow, type DirtyRows, mongoDirtyRows } from "./dirty-rows.ts";

/** When the receipts of each partition of an announcement came, by minute, derived from the receipts. */
export interface TimelineStore extends DirtyRows<Timeline> {
  /** The timelines of an announcement's partitions, one by one. */
  list(range: KeyRange): AsyncIterable<Timeline>;
}

const Numbers = z.array(z.number()).default([]);
const Row = z.object({ minutes: Numbers, delivered: Numbers, read: Numbers, opened: Numbers, deleted: Numbers });

export function mongoTimelineStore(db: Db): TimelineStore {
  const rows = db.collection<DirtyRow & Partial<Timeline>>("receipt_timelines");
  return {
    ...mongoDirtyRows<Timeline>(db, "receipt_timelines"),
    async *list({ after, before }) {
      for await (const row of rows.find({ _id: { $gt: after, $lt: before } })) yield Row.parse(row);
    },
  };
}
