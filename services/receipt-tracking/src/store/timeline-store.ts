import type { Db } from "mongodb";
import { z } from "zod";
import type { Cohort } from "../domain/cohort.ts";
import type { KeyRange } from "../domain/receipt-key.ts";
import type { Timeline } from "../domain/timeline.ts";
import { type DirtyRow, type DirtyRows, mongoDirtyRows } from "./dirty-rows.ts";

/** When the receipts of each partition of an announcement came, by minute, derived from the receipts. */
export interface TimelineStore extends DirtyRows<TimelineRow> {
  /** The timelines of an announcement's partitions, one by one. */
  list(range: KeyRange): AsyncIterable<Timeline>;
  /** What has become, by now, of what an app sent of one category in one hour, part by part. */
  cohorts(app: string, hour: number, category: string | null): AsyncIterable<Cohort>;
}

/** What is derived from the receipts of one partition of an announcement. */
export interface TimelineRow extends Timeline {
  readonly app: string;
  readonly category: string | null;
  /** Of the cohorts. */
  readonly hours: readonly number[];
  readonly cohorts: readonly Cohort[];
}

const Numbers = z.array(z.number()).default([]);
const Row = z.object({ minutes: Numbers, delivered: Numbers, read: Numbers, opened: Numbers, deleted: Numbers });
const Columns = z.object({ steps: Numbers, counts: Numbers });
const Cohorts = z.object({
  cohorts: z.array(
    z.object({
      hour: z.number(),
      delivered: z.number(),
      read: z.number(),
      opened: z.number(),
      deleted: z.number(),
      toDelivered: Columns,
      toRead: Columns,
    }),
  ),
});

export function mongoTimelineStore(db: Db): TimelineStore {
  const rows = db.collection<DirtyRow & Partial<TimelineRow>>("receipt_timelines");
  const dirty = mongoDirtyRows<TimelineRow>(db, "receipt_timelines");
  return {
    ...dirty,
    async *list({ after, before }) {
      for await (const row of rows.find({ _id: { $gt: after, $lt: before } })) yield Row.parse(row);
    },
    async *cohorts(app, hour, category) {
      const found = rows.find({ app, category, hours: hour }, { projection: { cohorts: 1 } });
      for await (const row of found) yield* Cohorts.parse(row).cohorts.filter((cohort) => cohort.hour === hour);
    },
    async ensureIndexes() {
      await dirty.ensureIndexes();
      await rows.createIndex({ app: 1, category: 1, hours: 1 }, { sparse: true });
    },
  };
}
