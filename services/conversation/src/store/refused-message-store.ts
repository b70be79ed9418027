import { RefusedMessage } from "@strata/contracts";
import { type Db, MongoBulkWriteError } from "mongodb";
import { isDuplicateKey } from "@strata/runtime";
import { z } from "zod";
import { madeUuid } from "../domain/made-uuid.ts";

const RefusedRow = RefusedMessage.extend({
  /** `<app>/<refusal id>`: it follows from the command, so that a command that comes again finds what it was told. */
  _id: z.string(),
  app: z.string(),
  expiresAt: z.date(),
});
type RefusedRow = z.infer<typeof RefusedRow>;

/** Whose they are; those of the backend are nobody's. */
export const REFUSED_OF_USER = { app: 1, "sender.userId": 1 } as const;

const KEPT_MS = 7 * 86_400_000;

export const refusalIdOf = (command: string): string => madeUuid(`${command}/refused`);
const refusalKey = (app: string, refusalId: string): string => `${app}/${refusalId}`;

/** What policies refused, for a week. */
export interface RefusedMessageStore {
  /** Those that are there already stay as they are. */
  insertMissing(app: string, rows: readonly RefusedMessage[]): Promise<void>;
  findMany(app: string, refusalIds: readonly string[]): Promise<readonly RefusedMessage[]>;
  /** Newest first; null when `after` is not there. */
  list(app: string, page: { readonly after: string | null; readonly limit: number }): Promise<RefusedMessage[] | null>;
  count(app: string): Promise<number>;
  /** How many there are of a user from before she was deleted. */
  countFromBefore(app: string, userId: string, at: number): Promise<number>;
  /** Of a user who was deleted: her words go before their week is over. */
  forget(app: string, userId: string, at: number): Promise<void>;
  ensureIndexes(): Promise<void>;
}

export function mongoRefusedMessageStore(db: Db): RefusedMessageStore {
  const refused = db.collection<RefusedRow>("refused_messages");
  const findMany = async (app: string, refusalIds: readonly string[]): Promise<readonly RefusedMessage[]> => {
    if (refusalIds.length === 0) return [];
    const rows = await refused.find({ _id: { $in: refusalIds.map((id) => refusalKey(app, id)) } }).toArray();
    return rows.map((row) => RefusedMessage.parse(row));
  };
  return {
    async insertMissing(app, rows) {
      if (rows.length === 0) return;
      const documents = rows.map((row) => ({
        ...row,
        _id: refusalKey(app, row.refusalId),
        app,
        expiresAt: new Date(row.at + KEPT_MS),
      }));
      try {
        await refused.insertMany(documents, { ordered: false });
      } catch (error) {
        if (!(error instanceof MongoBulkWriteError) || !isDuplicateKey(error)) throw error;
      }
    },
    findMany,
    async list(app, { after, limit }) {
      const [last] = after === null ? [] : await findMany(app, [after]);
      if (after !== null && !last) return null;
      const behind = last
        ? {
            at: { $lte: last.at },
            $or: [{ at: { $lt: last.at } }, { refusalId: { $lt: last.refusalId } }],
          }
        : {};
      const rows = await refused
        .find({ app, ...behind })
        .sort({ at: -1, refusalId: -1 })
        .limit(limit)
        .toArray();
      return rows.map((row) => RefusedMessage.parse(row));
    },
    count: (app) => refused.countDocuments({ app }),
    countFromBefore: (app, userId, at) => refused.countDocuments({ app, "sender.userId": userId, at: { $lte: at } }),
    async forget(app, userId, at) {
      await refused.deleteMany({ app, "sender.userId": userId, at: { $lte: at } });
    },
    async ensureIndexes() {
      await refused.createIndex({ app: 1, at: -1, refusalId: -1 }, { name: "newest" });
      await refused.createIndex(REFUSED_OF_USER, {
        name: "sender",
        partialFilterExpression: { "sender.userId": { $gt: "" } },
      });
      await refused.createIndex({ expiresAt: 1 }, { name: "expired", expireAfterSeconds: 0 });
    },
  };
}
