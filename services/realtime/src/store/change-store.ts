import { Change, partitionOf } from "@strata/contracts";
import { isDuplicateKey } from "@strata/runtime";
import type { Db, Filter } from "mongodb";
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
  /** Those who find it by their own id. */
  readonly receivers?: readonly string[];
  /** Many who find it by their partition, and in it by their id. */
  readonly partitions?: readonly number[];
  readonly users?: readonly string[];
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
const index = { receivers: "receivers-in-order", partitions: "partitions-in-order" } as const;
/** More receivers of an announcement than that stand in the index by their partitions, of which there are so many. */
const MANY = 64;

const keyOf = ({ app, id }: Pick<ChangeEntry, "app" | "id">): string => `${app}/${id}`;

const read = (row: unknown): PlacedChange => {
  const { _id, app, at, order, receivers, change } = StoredChange.parse(row);
  const id = _id.slice(app.length + 1);
  return { id, app, at, receivers, change, place: { at, order, id } };
};

/**
 * An index entry for each of a thousand receivers costs the database more than all else that a batch is. A partition is one
 * entry, and who reads the log looks through the lists of her partition; that is bearable for announcements, of which an
 * app makes some a day, and not for messages in large conversations.
 */
function audienceOf({ change, receivers }: ChangeEntry): Pick<ChangeRow, "receivers" | "partitions" | "users"> {
  const isForMany = change.kind === "announcement-received" && receivers.length > MANY;
  // Everybody is in no partition.
  if (!isForMany || receivers.includes(EVERYBODY)) return { receivers };
  return { partitions: [...new Set(receivers.map(partitionOf))], users: receivers };
}

const byPlace = ({ place: one }: PlacedChange, { place: other }: PlacedChange): number =>
  one.at - other.at || one.order - other.order || (one.id < other.id ? -1 : 1);

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
      const rows = entries.map((entry, order) => ({
        _id: keyOf(entry),
        app: entry.app,
        at,
        order,
        ...audienceOf(entry),
        change: entry.change,
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
      const behind: Filter<ChangeRow> = after === null ? {} : { $or: behindOf(app, after) };
      const inOrder = (hint: string, audience: Filter<ChangeRow>) =>
        changes
          .find({ app, ...audience, at: { $gte: since }, ...behind }, { hint })
          .sort({ at: 1, order: 1, _id: 1 })
          .project({ receivers: 0, partitions: 0, users: 0 })
          .limit(limit)
          .toArray();
      // Two questions, since the planner does not always merge the two indexes of one in their order. What is logged between
      // them may be passed over: whoever reads on hears it live, or with the overlap of her next replay.
      const [own, ofPartition] = await Promise.all([
        inOrder(index.receivers, { receivers: { $in: [userId, EVERYBODY] } }),
        inOrder(index.partitions, { partitions: partitionOf(userId), users: userId }),
      ]);
      const rows = [...own, ...ofPartition].map((row) => read({ ...row, receivers: [userId] }));
      return rows.toSorted(byPlace).slice(0, limit);
    },
    async ensureIndexes() {
      await changes.createIndexes([
        { key: { app: 1, receivers: 1, at: 1, order: 1, _id: 1 }, name: index.receivers },
        {
          key: { app: 1, partitions: 1, at: 1, order: 1, _id: 1 },
          name: index.partitions,
          partialFilterExpression: { partitions: { $gte: 0 } },
        },
        { key: { expiresAt: 1 }, name: "expiry", expireAfterSeconds: 0 },
      ]);
    },
  };
}
