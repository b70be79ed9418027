import { WebhookCall } from "@strata/contracts";
import { isDuplicateKey } from "@strata/runtime";
import type { Db } from "mongodb";
import { z } from "zod";

/** A call that is made until it is answered, or given up. The row is the truth: whoever finds it due may make it. */
export const CallRow = WebhookCall.omit({ nextAttemptAt: true, endedAt: true }).extend({
  /** `<app>/<call id>` */
  _id: z.string(),
  app: z.string(),
  /** About whom it is: it goes with her. */
  userId: z.string(),
  decisionId: z.string(),
  /** What is posted. */
  data: z.record(z.string(), z.unknown()),
  /** When it is tried next, and while somebody does, the end of the lease; null: never again. */
  dueAt: z.number().nullable(),
  /** Who may change it: the one who claimed it last. */
  holder: z.string(),
  /** It goes some time after that. */
  endedAt: z.date().nullable(),
});
export type CallRow = z.infer<typeof CallRow>;

/** What became of an attempt. */
export type CallProgress = Pick<CallRow, "state" | "attempts" | "status" | "error" | "dueAt">;

export interface CallStore {
  /** Stores a call, unless it is there. */
  insertMissing(row: CallRow): Promise<void>;
  /** The call that is due longest, now held by `holder` for `leaseMs`; null when none is due. */
  claimDue(holder: string, leaseMs: number): Promise<CallRow | null>;
  /** Moves a call on, if nobody else has claimed it meanwhile. */
  moveOn(id: string, holder: string, progress: CallProgress): Promise<void>;
  /** An app's calls, newest first, from behind `after`; null: that is none of them. */
  list(app: string, after: string | null, limit: number): Promise<readonly CallRow[] | null>;
  count(app: string): Promise<number>;
  remove(id: string): Promise<void>;
  /** Removes all calls about a user. Answers how many there were. */
  removeUser(app: string, userId: string): Promise<number>;
  countOfUser(app: string, userId: string): Promise<number>;
  ensureIndexes(): Promise<void>;
}

/** How long a call is remembered that is done with. */
const KEPT_SECONDS = 30 * 86_400;

export const callKey = (app: string, callId: string): string => `${app}/${callId}`;

export function mongoCallStore(db: Db): CallStore {
  const calls = db.collection<CallRow>("webhook_calls");
  return {
    async insertMissing(row) {
      try {
        await calls.insertOne({ ...row });
      } catch (error) {
        if (!isDuplicateKey(error)) throw error;
      }
    },
    async claimDue(holder, leaseMs) {
      const now = Date.now();
      const row = await calls.findOneAndUpdate(
        { dueAt: { $gt: 0, $lte: now } },
        { $set: { holder, dueAt: now + leaseMs } },
        { sort: { dueAt: 1 }, returnDocument: "after" },
      );
      return row && CallRow.parse(row);
    },
    async moveOn(_id, holder, progress) {
      const endedAt = progress.dueAt === null ? new Date() : null;
      await calls.updateOne({ _id, holder }, { $set: { ...progress, endedAt } });
    },
    async list(app, after, limit) {
      const from = after === null ? null : await calls.findOne({ _id: callKey(app, after) });
      if (after !== null && from === null) return null;
      const behind = from && {
        $or: [{ createdAt: { $lt: from.createdAt } }, { createdAt: from.createdAt, _id: { $lt: from._id } }],
      };
      const rows = await calls
        .find({ app, ...behind })
        .sort({ createdAt: -1, _id: -1 })
        .limit(limit)
        .toArray();
      return z.array(CallRow).parse(rows);
    },
    count: (app) => calls.countDocuments({ app }),
    async remove(_id) {
      await calls.deleteOne({ _id });
    },
    async removeUser(app, userId) {
      return (await calls.deleteMany({ app, userId })).deletedCount;
    },
    countOfUser: (app, userId) => calls.countDocuments({ app, userId }),
    async ensureIndexes() {
      await calls.createIndex({ dueAt: 1 }, { name: "due", partialFilterExpression: { dueAt: { $gt: 0 } } });
      await calls.createIndex({ app: 1, createdAt: -1, _id: -1 }, { name: "newest" });
      await calls.createIndex({ app: 1, userId: 1 }, { name: "user" });
      await calls.createIndex({ endedAt: 1 }, { name: "ended", expireAfterSeconds: KEPT_SECONDS });
    },
  };
}
