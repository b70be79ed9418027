import { compareUserIds } from "@strata/contracts";
import type { Db } from "mongodb";
import { z } from "zod";
import { hourOf } from "../domain/cohort.ts";
import { below, countKey, type CountKey, type KeyRange } from "../domain/receipt-key.ts";
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
  /** How many users of an app got something of one category in one hour. */
  count(app: string, hour: number, category: string | null): Promise<number>;
  /** When the users of one partition of an announcement got it. */
  ofPartition(key: CountKey): Promise<PartitionSent>;
  /** Of all rows in a range, from one time to before another. */
  byMinute(range: KeyRange, fromMs: number, toMs: number): Promise<readonly SentMinute[]>;
  ensureIndexes(): Promise<void>;
}

/** When the users of one partition got an announcement. */
export interface PartitionSent {
  readonly category: string | null;
  /** One answer for each of these, in the same order; null where it is not known, or not yet. */
  timesOf(userIds: readonly string[]): Promise<readonly (number | null)[]>;
}

interface Row {
  readonly _id: string;
  readonly app: string;
  readonly at: Date;
  /** Hours since 1970. */
  readonly hour: number;
  readonly category: string | null;
  readonly count: number;
  /** The first and the last of its recipients, who ascend. */
  readonly first: string;
  readonly last: string;
  /** The recipients where those of several batches do not follow one another: outside the first slice. */
  readonly recipients?: readonly string[];
}

const FIRST_SLICE = "0";
const sliceOf = (batchId: string): string => batchId.split("/")[3] ?? FIRST_SLICE;

const Minutes = z.array(
  z
    .object({ _id: z.date(), sent: z.number() })
    .transform(({ _id, sent }): SentMinute => ({ minute: minuteOf(_id.getTime()), sent })),
);

const Sum = z.object({ sent: z.number() });

const fieldsOf = ({ batchId, app, at, category, recipients }: SentBatch): Omit<Row, "_id"> => ({
  app,
  at: new Date(at),
  hour: hourOf(at),
  category,
  count: recipients.length,
  first: recipients[0] ?? "",
  last: recipients.at(-1) ?? "",
  ...(sliceOf(batchId) === FIRST_SLICE ? {} : { recipients }),
});

const namedTimes = (rows: readonly Row[]): ReadonlyMap<string, number> =>
  new Map(rows.flatMap(({ at, recipients = [] }) => recipients.map((userId) => [userId, at.getTime()])));

/** The batch, of some whose recipients follow one another, that a user would be in. */
function batchWith(batches: readonly Row[], userId: string): Row | null {
  let [low, high] = [0, batches.length];
  while (low < high) {
    const middle = (low + high) >> 1;
    const last = batches[middle]?.last ?? "";
    if (compareUserIds(last, userId) < 0) low = middle + 1;
    else high = middle;
  }
  const found = batches[low];
  return found !== undefined && compareUserIds(found.first, userId) <= 0 ? found : null;
}

export function mongoSentStore(db: Db): SentStore {
  const rows = db.collection<Row>("sent_batches");
  return {
    async record(batches) {
      if (batches.length === 0) return;
      // As upserts, for a batch is told of again at any redelivery, and an insert that is refused costs more.
      await rows.bulkWrite(
        batches.map((batch) => ({
          updateOne: { filter: { _id: batch.batchId }, update: { $setOnInsert: fieldsOf(batch) }, upsert: true },
        })),
        { ordered: false },
      );
    },
    async count(app, hour, category) {
      const [sum] = await rows
        .aggregate([{ $match: { app, hour, category } }, { $group: { _id: null, sent: { $sum: "$count" } } }])
        .toArray();
      return sum === undefined ? 0 : Sum.parse(sum).sent;
    },
    async ofPartition(key) {
      const { after, before } = below(countKey(key));
      const _id = { $gt: after, $lt: before };
      const batches = await rows
        .find({ _id }, { projection: { recipients: 0 } })
        .sort({ _id: 1 })
        .toArray();
      const [one] = batches;
      if (one === undefined) return { category: null, timesOf: async (userIds) => userIds.map(() => null) };
      const inOrder = batches.filter((row) => sliceOf(row._id) === FIRST_SLICE);
      const named = async (userIds: readonly string[]) =>
        inOrder.length === batches.length
          ? new Map<string, number>()
          : namedTimes(await rows.find({ _id, recipients: { $in: [...userIds] } }).toArray());
      return {
        category: one.category,
        async timesOf(userIds) {
          const byName = await named(userIds);
          return userIds.map((userId) => byName.get(userId) ?? batchWith(inOrder, userId)?.at.getTime() ?? null);
        },
      };
    },
    async ensureIndexes() {
      await rows.createIndex({ app: 1, category: 1, hour: 1, count: 1 });
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
