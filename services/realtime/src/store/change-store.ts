import { Change } from "@strata/contracts";
import { isDuplicateKey } from "@strata/runtime";
import type { Db } from "mongodb";
import { z } from "zod";
import { EVERYBODY } from "../domain/entries.ts";

/** One change as it is logged; `id` is the same when it is logged again. */
export interface ChangeEntry {
  readonly id: string;
  readonly app: string;
  /** User ids; the empty string: all of the app. */
  readonly receivers: readonly string[];
  readonly change: Change;
}

/** A change as it is in the log. */
export interface LoggedChange extends ChangeEntry {
  /** When it was logged, in milliseconds. */
  readonly at: number;
}

/** A point in the log: all that is written together has one time, and its own order. */
export interface LogPlace extends Pick<LoggedChange, "at" | "id"> {
  readonly order: number;
}

/** A change as it is read back, with where it is. */
export interface PlacedChange extends LoggedChange {
  readonly place: LogPlace;
}

/** The replay log: one document per change with its receivers, like a batch of an announcement. */
export interface ChangeStore {
  /**
   * Adds entries that are to be told in the order given. Those that are there already stay as they are; answers all as they
   * are in the log.
   */
  append(entries: readonly ChangeEntry[], at: number): Promise<readonly LoggedChange[]>;
  /** What a user was to hear since a time, oldest first, from behind a place. */
  page(question: {
    readonly app: string;
    readonly userId: string;
    readonly from: number;
    readonly after: LogPlace | null;
    readonly limit: number;
  }): Promise<readonly PlacedChange[]>;
  ensureIndexes(): Promise<void>;
}

interface ChangeRow {
  readonly _id: string;
  readonly app: string;
  readonly at: number;
  /** Among those that were written together. */
  readonly order: number;
  readonly receivers: readonly string[];
  readonly change: Change;
  readonly expiresAt: Date;
}

const StoredChange = z.object({
  _id: z.string(),
  app: z.string(),
  at: z.number(),
  order: z.number().default(0),
  receivers: z.array(z.string()),
  change: Change,
});

const HOUR_MS = 3_600_000;

const keyOf = ({ app, id }: Pick<ChangeEntry, "app" | "id">): string => `${app}/${id}`;

const read = (row: unknown): PlacedChange => {
  const { _id, app, at, order, receivers, change } = StoredChange.parse(row);
  const id = _id.slice(app.length + 1);
  return { id, app, at, receivers, change, place: { at, order, id } };
};

const behindOf = (app: string, { at, order, id }: LogPlace) => [
  { at: { $gt: at } },
  { at, order: { $gt: order } },
  { at, order, _id: { $gt: keyOf({ app, id }) } },
];

export function mongoChangeStore(db: Db, options: { readonly keptHours: number }): ChangeStore {
  const changes = db.collection<ChangeRow>("changes");

  return {
    async append(entries, at) {
      if (entries.length === 0) return [];
      const expiresAt = new Date(at + options.keptHours * HOUR_MS);
      const rows = entries.map(({ app, id, receivers, change }, order) => ({
        _id: keyOf({ app, id }),
        app,
        at,
        order,
        receivers,
        change,
        expiresAt,
      }));
      try {
        await changes.insertMany(rows, { ordered: false });
        return entries.map((entry) => ({ ...entry, at }));
      } catch (error) {
        if (!isDuplicateKey(error)) throw error;
        // Some were logged before: what they are told with is the time under which they are found.
        const stored = await changes
          .find({ _id: { $in: rows.map(({ _id }) => _id) } }, { projection: { at: 1 } })
          .toArray();
        const times = new Map(stored.map((row) => [row._id, row.at]));
        return entries.map((entry) => ({ ...entry, at: times.get(keyOf(entry)) ?? at }));
      }
    },
    async page({ app, userId, from, after, limit }) {
      const since = after === null ? from : Math.max(from, after.at);
      const behind = after === null ? {} : { $or: behindOf(app, after) };
      const rows = await changes
        .find({ app, receivers: { $in: [userId, EVERYBODY] }, at: { $gte: since }, ...behind })
        .sort({ at: 1, order: 1, _id: 1 })
        .project({ receivers: 0 })
        .limit(limit)
        .toArray();
      return rows.map((row) => read({ ...row, receivers: [userId] }));
    },
    async ensureIndexes() {
      await changes.createIndexes([
        { key: { app: 1, receivers: 1, at: 1, order: 1, _id: 1 }, name: "receivers-in-order" },
        { key: { expiresAt: 1 }, name: "expiry", expireAfterSeconds: 0 },
      ]);
    },
  };
}
