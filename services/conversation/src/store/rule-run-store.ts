import { isDuplicateKey } from "@strata/runtime";
import type { Db } from "mongodb";
import { runKey, RunRow } from "../domain/membership-rule.ts";

export interface RuleRunStore {
  /** Inserts a run, or answers the one that has its id. */
  insertOrFind(row: RunRow): Promise<RunRow>;
  find(app: string, ruleId: string, runId: string): Promise<RunRow | null>;
  /** Of a rule, newest first, from behind one of them. */
  list(app: string, ruleId: string, after: RunRow | null, limit: number): Promise<readonly RunRow[]>;
  count(app: string, ruleId: string): Promise<number>;
  /** The run that waits longest, not due again before its lease is over; null when none is due. */
  claimDue(now: number, leaseMs: number): Promise<RunRow | null>;
  /** Whether one of the rule that is no dry run is under way: any, or one that began before this one. */
  isUnderWay(rule: { readonly app: string; readonly ruleId: string }, before?: RunRow): Promise<boolean>;
  /** It is looked at again then, where it is. */
  wait(run: RunRow, until: number): Promise<void>;
  /** Stores how far it has come, unless somebody else has taken this page. */
  moveOn(before: RunRow, after: RunRow): Promise<void>;
  /** A user was deleted then: she is in no sample of what was done until then. */
  forget(app: string, userId: string, at: number): Promise<void>;
  ensureIndexes(): Promise<void>;
}

/** How long it is remembered what a run did. */
const KEPT_SECONDS = 90 * 86_400;

export function mongoRuleRunStore(db: Db): RuleRunStore {
  const runs = db.collection<RunRow & { endedOn?: Date }>("rule_runs");
  const find = async (_id: string): Promise<RunRow | null> => {
    const row = await runs.findOne({ _id });
    return row && RunRow.parse(row);
  };
  return {
    async insertOrFind(row) {
      try {
        await runs.insertOne({ ...row });
        return row;
      } catch (error) {
        if (!isDuplicateKey(error)) throw error;
        return (await find(row._id)) ?? row;
      }
    },
    find: (app, ruleId, runId) => find(runKey(app, ruleId, runId)),
    async list(app, ruleId, after, limit) {
      const behind = after === null ? {} : { startedAt: { $lte: after.startedAt } };
      const beyond =
        after === null ? {} : { $or: [{ startedAt: { $lt: after.startedAt } }, { _id: { $lt: after._id } }] };
      const rows = await runs
        .find({ app, ruleId, ...behind, ...beyond })
        .sort({ startedAt: -1, _id: -1 })
        .limit(limit)
        .toArray();
      return rows.map((row) => RunRow.parse(row));
    },
    count: (app, ruleId) => runs.countDocuments({ app, ruleId }),
    async claimDue(now, leaseMs) {
      const row = await runs.findOneAndUpdate(
        { dueAt: { $gt: 0, $lte: now } },
        { $set: { dueAt: now + leaseMs } },
        { sort: { dueAt: 1 }, returnDocument: "after" },
      );
      return row && RunRow.parse(row);
    },
    async isUnderWay({ app, ruleId }, before) {
      const earlier = before && {
        $or: [{ startedAt: { $lt: before.startedAt } }, { startedAt: before.startedAt, _id: { $lt: before._id } }],
      };
      const filter = { app, ruleId, state: "running" as const, isDryRun: false, ...earlier };
      return (await runs.findOne(filter, { projection: { _id: 1 } })) !== null;
    },
    async wait({ _id, page }, until) {
      await runs.updateOne({ _id, page, state: "running" }, { $set: { dueAt: until } });
    },
    async moveOn({ _id, page, sample: before }, { sample, ...after }) {
      const ended = after.endedAt === null ? {} : { endedOn: new Date(after.endedAt) };
      // Added to what is there: who was deleted meanwhile does not come back with the rest.
      const added = { sample: { $each: sample.slice(before.length) } };
      await runs.updateOne({ _id, page, state: "running" }, { $set: { ...after, ...ended }, $push: added });
    },
    async forget(app, userId, at) {
      const filter = { app, startedAt: { $lte: at }, "sample.userId": userId };
      await runs.updateMany(filter, { $pull: { sample: { userId } } });
    },
    async ensureIndexes() {
      await runs.createIndex({ app: 1, ruleId: 1, startedAt: -1, _id: -1 });
      await runs.createIndex({ dueAt: 1 }, { partialFilterExpression: { dueAt: { $gt: 0 } } });
      await runs.createIndex({ endedOn: 1 }, { expireAfterSeconds: KEPT_SECONDS });
    },
  };
}
