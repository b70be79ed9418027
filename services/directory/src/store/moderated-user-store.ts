import { QueuedUser, type QueueOrder, Review } from "@strata/contracts";
import type { Db } from "mongodb";
import { z } from "zod";
import { userKey } from "../domain/user.ts";

/** What the flags against one user come to: counted anew with whatever is done about her, never added to. */
const ModeratedRow = QueuedUser.extend({
  _id: z.string(),
  app: z.string(),
  /** Whether somebody has to say something. */
  isQueued: z.boolean(),
  review: Review.nullable(),
});
type ModeratedRow = z.infer<typeof ModeratedRow>;

export type Standing = Omit<QueuedUser, "userId">;

export interface ModeratedUserStore {
  put(app: string, userId: string, standing: Standing): Promise<void>;
  /** Keeps what a person said of all her flags. */
  review(app: string, userId: string, review: Review): Promise<void>;
  findReview(app: string, userId: string): Promise<Review | null>;
  /** Who is queued, from behind this user; null when she is not. */
  list(app: string, order: QueueOrder, after: string | null, limit: number): Promise<readonly QueuedUser[] | null>;
  count(app: string): Promise<number>;
  /** Users who were flagged since then, by user id, from behind this one; and up to where was looked. */
  flaggedSince(app: string, since: number, after: string | null, limit: number): Promise<Flagged>;
  remove(app: string, userId: string): Promise<void>;
  ensureIndexes(): Promise<void>;
}

interface Flagged {
  readonly userIds: readonly string[];
  /** null: that was all of them. */
  readonly next: string | null;
}

const SORTS = {
  score: { score: -1, userId: 1 },
  oldest: { oldestAt: 1, userId: 1 },
} as const;

export function mongoModeratedUserStore(db: Db): ModeratedUserStore {
  const users = db.collection<ModeratedRow>("moderated_users");

  const placeOf = async (app: string, userId: string): Promise<ModeratedRow | null> => {
    const row = await users.findOne({ _id: userKey(app, userId), isQueued: true });
    return row && ModeratedRow.parse(row);
  };

  return {
    async put(app, userId, standing) {
      const isQueued = standing.openFlags > 0 || standing.pendingDecisions > 0;
      await users.updateOne(
        { _id: userKey(app, userId) },
        { $set: { app, userId, ...standing, isQueued }, $setOnInsert: { review: null } },
        { upsert: true },
      );
    },
    async review(app, userId, review) {
      await users.updateOne({ _id: userKey(app, userId) }, { $set: { review } });
    },
    async findReview(app, userId) {
      const row = await users.findOne({ _id: userKey(app, userId) }, { projection: { review: 1 } });
      return row?.review ? Review.parse(row.review) : null;
    },
    async list(app, order, after, limit) {
      const from = after === null ? null : await placeOf(app, after);
      if (after !== null && from === null) return null;
      const filter = { app, isQueued: true, ...(from ? behind(order, from) : {}) };
      const rows = await users.find(filter, { sort: SORTS[order], limit }).toArray();
      return rows.map((row) => QueuedUser.parse(row));
    },
    count: (app) => users.countDocuments({ app, isQueued: true }),
    async flaggedSince(app, since, after, limit) {
      const filter = { app, ...(after === null ? {} : { userId: { $gt: after } }) };
      const projection = { _id: 0, userId: 1, newestFlagAt: 1 };
      const rows = await users.find(filter, { projection }).sort({ userId: 1 }).limit(limit).toArray();
      return {
        userIds: rows.filter(({ newestFlagAt }) => newestFlagAt >= since).map(({ userId }) => userId),
        next: rows.length < limit ? null : (rows.at(-1)?.userId ?? null),
      };
    },
    async remove(app, userId) {
      await users.deleteOne({ _id: userKey(app, userId) });
    },
    async ensureIndexes() {
      const queued = { partialFilterExpression: { isQueued: true } };
      await users.createIndex({ app: 1, score: -1, userId: 1 }, queued);
      await users.createIndex({ app: 1, oldestAt: 1, userId: 1 }, queued);
      await users.createIndex({ app: 1, userId: 1, newestFlagAt: 1 });
    },
  };
}

const behind = (order: QueueOrder, { score, oldestAt, userId }: ModeratedRow) =>
  order === "score"
    ? { $or: [{ score: { $lt: score } }, { score, userId: { $gt: userId } }] }
    : { $or: [{ oldestAt: { $gt: oldestAt } }, { oldestAt, userId: { $gt: userId } }] };
