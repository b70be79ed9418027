import { type Flag, MAX_SCORED_FLAGS } from "@strata/contracts";
import { isDuplicateKey } from "@strata/runtime";
import type { Db } from "mongodb";
import { flagKey, FlagRow, type FlagSubject } from "../domain/flag.ts";

type Insertion =
  | { readonly kind: "stored"; readonly row: FlagRow }
  /** He has flagged her for the same before. */
  | { readonly kind: "there"; readonly row: FlagRow }
  /** The id is another flag's. */
  | { readonly kind: "in-use"; readonly row: FlagRow };

export interface FlagStore {
  insert(row: FlagRow): Promise<Insertion>;
  find(app: string, flagId: string): Promise<FlagRow | null>;
  findOf(app: string, subject: FlagSubject): Promise<FlagRow | null>;
  /** Writes a change upon the row as it was read; throws when somebody else has changed it since. */
  change(row: FlagRow, change: Partial<FlagRow>, by: string): Promise<FlagRow>;
  /** Flags of a user that were not withdrawn, the newest first, from behind this one. */
  list(app: string, userId: string, after: FlagRow | null, limit: number): Promise<readonly FlagRow[]>;
  count(app: string, userId: string): Promise<number>;
  /** When one user flagged whom or what first within this time, the oldest first, up to so many. */
  timesOf(app: string, by: string, since: number, limit: number): Promise<readonly number[]>;
  /** The newest flags of a user that nobody took back, as many as are scored. */
  findScored(app: string, userId: string): Promise<readonly FlagRow[]>;
  /** Puts flags of a user made until then into another state. */
  settle(app: string, userId: string, settlement: Settlement): Promise<void>;
  /** Removes all flags of a user and by her. Whom she had flagged is handed over once her flags count no more. */
  forget(app: string, userId: string, onUncounted?: (userIds: readonly string[]) => Promise<void>): Promise<void>;
  ensureIndexes(): Promise<void>;
}

export interface Settlement {
  readonly from: readonly Flag["state"][];
  readonly to: Flag["state"];
  readonly at: number;
  readonly by: string;
}

const THERE = ["open", "upheld", "dismissed"] as const;
/** How many users whom a deleted one had flagged are told apart at once. */
const FORGOTTEN_AT_ONCE = 1_000;

export function mongoFlagStore(db: Db): FlagStore {
  const flags = db.collection<FlagRow>("flags");

  const findRow = async (filter: object): Promise<FlagRow | null> => {
    const row = await flags.findOne(filter);
    return row && FlagRow.parse(row);
  };

  return {
    async insert(row) {
      try {
        await flags.insertOne(row);
        return { kind: "stored", row };
      } catch (error) {
        if (!isDuplicateKey(error)) throw error;
        const there = await findRow({ _id: row._id });
        if (there) return { kind: there.madeBy === row.madeBy ? "stored" : "there", row: there };
        const other = await findRow({ app: row.app, flagId: row.flagId });
        if (other) return { kind: "in-use", row: other };
        throw error;
      }
    },
    find: (app, flagId) => findRow({ app, flagId }),
    findOf: (app, subject) => findRow({ _id: flagKey(app, subject) }),
    async change({ _id, version }, change, by) {
      const changed = await flags.findOneAndUpdate(
        { _id, version },
        { $set: { ...change, changedBy: by }, $inc: { version: 1 } },
        { returnDocument: "after" },
      );
      if (!changed) throw new Error(`the flag was changed by somebody else after version ${version}`);
      return FlagRow.parse(changed);
    },
    async list(app, userId, after, limit) {
      const from =
        after === null
          ? {}
          : {
              $or: [
                { createdAt: { $lt: after.createdAt } },
                { createdAt: after.createdAt, flagId: { $lt: after.flagId } },
              ],
            };
      const filter = { app, userId, state: { $in: [...THERE] }, ...from };
      const rows = await flags.find(filter).sort({ createdAt: -1, flagId: -1 }).limit(limit).toArray();
      return rows.map((row) => FlagRow.parse(row));
    },
    count: (app, userId) => flags.countDocuments({ app, userId, state: { $in: [...THERE] } }),
    async timesOf(app, by, since, limit) {
      const rows = await flags
        .find({ app, by, createdAt: { $gt: since } }, { projection: { _id: 0, createdAt: 1 } })
        .sort({ createdAt: 1 })
        .limit(limit)
        .toArray();
      return rows.map(({ createdAt }) => createdAt);
    },
    async findScored(app, userId) {
      const filter = { app, userId, state: { $in: [...THERE] } };
      const rows = await flags.find(filter).sort({ createdAt: -1, flagId: -1 }).limit(MAX_SCORED_FLAGS).toArray();
      return rows.map((row) => FlagRow.parse(row));
    },
    async settle(app, userId, { from, to, at, by }) {
      const filter = { app, userId, state: { $in: [...from] }, createdAt: { $lte: at } };
      await flags.updateMany(filter, { $set: { state: to, changedAt: at, changedBy: by }, $inc: { version: 1 } });
      // Who takes a flag back and makes it again finds it as a person left it.
      const withdrawn = {
        app,
        userId,
        state: "withdrawn" as const,
        stateBefore: { $in: [...from] },
        createdAt: { $lte: at },
      };
      await flags.updateMany(withdrawn, { $set: { stateBefore: to } });
    },
    async forget(app, userId, onUncounted = async () => {}) {
      await flags.deleteMany({ app, userId });
      // They count no more before anybody is told, and are there until everybody has been, however often it is broken off.
      await flags.updateMany({ app, by: userId, state: { $in: [...THERE] } }, { $set: { state: "withdrawn" } });
      for (;;) {
        const rows = await flags.find({ app, by: userId }).limit(FORGOTTEN_AT_ONCE).toArray();
        if (rows.length === 0) return;
        await onUncounted([...new Set(rows.map((row) => row.userId))]);
        await flags.deleteMany({ _id: { $in: rows.map(({ _id }) => _id) } });
      }
    },
    async ensureIndexes() {
      await flags.createIndex({ app: 1, flagId: 1 }, { unique: true });
      await flags.createIndex({ app: 1, userId: 1, state: 1, createdAt: -1, flagId: -1 });
      await flags.createIndex({ app: 1, by: 1, createdAt: 1 });
    },
  };
}
