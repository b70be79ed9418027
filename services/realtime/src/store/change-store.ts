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

/** A point in the log of one user. */
export type LogPlace = Pick<LoggedChange, "at" | "id">;

/** The replay log: one document per change with its receivers, like a batch of an announcement. */
export interface ChangeStore {
  /** Entries that are there already stay as they are; answers all as they are in the log, in the order given. */
  append(entries: readonly ChangeEntry[], at: number): Promise<readonly LoggedChange[]>;
  /** What a user was to hear since a time, oldest first, from behind a place. */
  page(question: {
    readonly app: string;
    readonly userId: string;
    readonly from: number;
    readonly after: LogPlace | null;
    readonly limit: number;
  }): Promise<readonly LoggedChange[]>;
  ensureIndexes(): Promise<void>;
}

interface ChangeRow {
  readonly _id: string;
  readonly app: string;
  readonly at: number;
  readonly receivers: readonly string[];
  readonly change: Change;
  readonly expiresAt: Date;
}

const StoredChange = z.object({
  _id: z.string(),
  app: z.string(),
  at: z.number(),
  receivers: z.array(z.string()),
  change: Change,
});

const HOUR_MS = 3_600_000;

const keyOf = ({ app, id }: Pick<ChangeEntry, "app" | "id">): string => `${app}/${id}`;

const read = (row: unknown): LoggedChange => {
  const { _id, app, at, receivers, change } = StoredChange.parse(row);
  return { id: _id.slice(app.length + 1), app, at, receivers, change };
};

export function mongoChangeStore(db: Db, options: { readonly keptHours: number }): ChangeStore {
  const changes = db.collection<ChangeRow>("changes");

  return {
    async append(entries, at) {
      const expiresAt = new Date(at + options.keptHours * HOUR_MS);
      const rows = entries.map(({ app, id, receivers, change }) => ({
        _id: keyOf({ app, id }),
        app,
        at,
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
      const behind =
        after === null
          ? {}
          : { $or: [{ at: { $gt: after.at } }, { at: after.at, _id: { $gt: keyOf({ app, id: after.id }) } }] };
      const rows = await changes
        .find({ app, receivers: { $in: [userId, EVERYBODY] }, at: { $gte: since }, ...behind })
        .sort({ at: 1, _id: 1 })
        .project({ receivers: 0 })
        .limit(limit)
        .toArray();
      return rows.map((row) => read({ ...row, receivers: [userId] }));
    },
    async ensureIndexes() {
      await changes.createIndexes([
        { key: { app: 1, receivers: 1, at: 1, _id: 1 }, name: "receivers" },
        { key: { expiresAt: 1 }, name: "expiry", expireAfterSeconds: 0 },
      ]);
    },
  };
}
