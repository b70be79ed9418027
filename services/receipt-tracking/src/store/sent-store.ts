import type { Db } from "mongodb";
import { z } from "zod";
import type { KeyRange } from "../domain/receipt-key.ts";
import { minuteOf } from "../domain/timeline.ts";

/** One batch of an announcement, as announcement-fanout tells of it. */
export interface SentBatch {
  /** `<app>/<announcement>/<partition>/<slice>/<n>` */
  readonly batchId: string;
  readonly app: string;
  readonly at: number;
  readonly category: string | null;
  readonly recipients: readonly string[];
}

/** How many users got it in one minute since 1970. */
export interface SentMinute {
  readonly minute: number;
  readonly sent: number;
}

/** When how many got an announcement: one small row for each batch, so that one that is told of again changes nothing. */
export interface SentStore {
  record(batches: readonly SentBatch[]): Promise<void>;
  /** Of all rows in a range, from one time to before another. */
  byMinute(range: KeyRange, fromMs: number, toMs: number): Promise<readonly SentMinute[]>;
}

interface Row {
  readonly _id: string;
  readonly app: string;
  readonly at: Date;
  readonly category: string | null;
  readonly count: number;
}

const Minutes = z.array(
  z
    .object({ _id: z.date(), sent: z.number() })
    .transform(({ _id, sent }): SentMinute => ({ minute: minuteOf(_id.getTime()), sent })),
);

export function mongoSentStore(db: Db): SentStore {
  const rows = db.collection<Row>("sent_batches");
  return {
    async record(batches) {
      if (batches.length === 0) return;
      // As upserts, for a batch is told of again at any redelivery, and an insert that is refused costs more.
      await rows.bulkWrite(
        batches.map(({ batchId, app, at, category, recipients }) => ({
          updateOne: {
            filter: { _id: batchId },
            update: { $setOnInsert: { app, at: new Date(at), category, count: recipients.length } },
            upsert: true,
          },
        })),
        { ordered: false },
      );
    },
    async byMinute({ after, before }, fromMs, toMs) {
      const minutes = await rows
        .aggregate([
          { $match: { _id: { $gt: after, $lt: before }, at: { $gte: new Date(fromMs), $lt: new Date(toMs) } } },
          { $group: { _id: { $dateTrunc: { date: "$at", unit: "minute" } }, sent: { $sum: "$count" } } },
        ])
        .toArray();
      return Minutes.parse(minutes);
    },
  };
}
