import { partitionOf } from "@strata/contracts";
import { isDuplicateKey } from "@strata/runtime";
import { type Db, MongoBulkWriteError } from "mongodb";
import { z } from "zod";
import { hourOf } from "../domain/cohort.ts";
import { insightKey } from "../domain/insight-key.ts";
import { below } from "../domain/receipt-key.ts";
import { COUNTED_MS } from "./insight-fact-store.ts";
import type { ActiveUsers } from "./insight-store.ts";

/** A user did something. */
export interface Activity {
  readonly app: string;
  readonly userId: string;
  readonly at: number;
}

/**
 * Who was active on which day, in which of its hours: one small row per user and day, below the key of the row of insights
 * that counts it, so that many things done in one hour are one. Rows go after two weeks; what is told of later than a
 * week after it happened is not counted.
 */
export interface ActivityStore {
  /** Answers the keys of the rows of insights that they are counted in. */
  note(activities: readonly Activity[]): Promise<readonly string[]>;
  /** Who is counted in a row of insights, each once. */
  count(insight: string): Promise<ActiveUsers>;
  ensureIndexes(): Promise<void>;
}

interface Row {
  readonly _id: string;
  /** Of the day. */
  readonly hours: readonly number[];
  readonly expireAt: Date;
}

interface UserDay {
  readonly insight: string;
  readonly hours: Set<number>;
  readonly expireAt: Date;
}

const HOURS = 24;
const DAY_MS = 86_400_000;
const KEYS_MAX = 2_000;
const Known = z.array(z.object({ _id: z.string(), hours: z.array(z.number()) }));
const Count = z.object({ n: z.number() });
const Hours = z.array(z.object({ _id: z.number(), users: z.number() }));

export function mongoActivityStore(db: Db): ActivityStore {
  const rows = db.collection<Row>("active_users");

  /** Answers the keys of those that somebody else inserted meanwhile. */
  async function insertNew(news: readonly Row[]): Promise<readonly string[]> {
    if (news.length === 0) return [];
    try {
      await rows.insertMany([...news], { ordered: false });
      return [];
    } catch (error) {
      if (!isDuplicateKey(error) || !(error instanceof MongoBulkWriteError)) throw error;
      return [error.writeErrors].flat().flatMap(({ index }) => news[index]?._id ?? []);
    }
  }

  async function write(days: ReadonlyMap<string, UserDay>): Promise<void> {
    const found = await rows.find({ _id: { $in: [...days.keys()] } }, { projection: { hours: 1 } }).toArray();
    const known = new Map(Known.parse(found).map(({ _id, hours }) => [_id, hours]));
    const news = [...days].filter(([key]) => !known.has(key));
    const late = await insertNew(news.map(([_id, { hours, expireAt }]) => ({ _id, hours: [...hours], expireAt })));
    const changed = [...days].filter(([key, { hours }]) =>
      [...hours].some((hour) => known.get(key)?.includes(hour) === false),
    );
    const changes = [
      ...changed,
      ...late.flatMap((key) => (days.get(key) === undefined ? [] : [[key, days.get(key)] as const])),
    ];
    if (changes.length === 0) return;
    await rows.bulkWrite(
      changes.map(([_id, day]) => ({
        updateOne: { filter: { _id }, update: { $addToSet: { hours: { $each: [...(day?.hours ?? [])] } } } },
      })),
      { ordered: false },
    );
  }

  return {
    async note(activities) {
      const days = userDays(activities.filter(({ at }) => at > Date.now() - COUNTED_MS));
      const all = [...days];
      for (let from = 0; from < all.length; from += KEYS_MAX) await write(new Map(all.slice(from, from + KEYS_MAX)));
      return [...new Set(all.map(([, { insight }]) => insight))];
    },
    async count(insight) {
      const { after, before } = below(insight);
      const query = { _id: { $gt: after, $lt: before } };
      const [{ n: users }, byHour] = await Promise.all([
        db.command({ count: rows.collectionName, query }).then((answer) => Count.parse(answer)),
        rows
          .aggregate([{ $match: query }, { $unwind: "$hours" }, { $group: { _id: "$hours", users: { $sum: 1 } } }])
          .toArray(),
      ]);
      const hours = Array.from({ length: HOURS }, () => 0);
      for (const one of Hours.parse(byHour)) hours[one._id] = one.users;
      return { users, hours };
    },
    async ensureIndexes() {
      await rows.createIndex({ expireAt: 1 }, { expireAfterSeconds: 0 });
    },
  };
}

function userDays(activities: readonly Activity[]): ReadonlyMap<string, UserDay> {
  const days = new Map<string, UserDay>();
  for (const { app, userId, at } of activities) {
    const hour = hourOf(at);
    const slot = Math.floor(hour / HOURS);
    const insight = insightKey({ kind: "users", app, slot, partition: partitionOf(userId) });
    const key = `${insight}/${userId}`;
    const day = days.get(key) ?? { insight, hours: new Set(), expireAt: new Date(slot * DAY_MS + 2 * COUNTED_MS) };
    days.set(key, day);
    day.hours.add(hour % HOURS);
  }
  return days;
}
