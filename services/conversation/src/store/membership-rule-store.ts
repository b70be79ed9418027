import { MAX_MEMBERSHIP_RULES } from "@strata/contracts";
import type { Db } from "mongodb";
import { ruleKey, RuleRow } from "../domain/membership-rule.ts";

export interface MembershipRuleStore {
  /** Also one that is deleted. */
  find(app: string, ruleId: string): Promise<RuleRow | null>;
  /** Those that are there, the oldest first. */
  list(app: string): Promise<readonly RuleRow[]>;
  /** Sets one, unless a later command has; answers what is there then. */
  put(row: RuleRow): Promise<RuleRow>;
  /** The next conversation is filled from now on, unless somebody has moved on before. */
  advance(row: RuleRow): Promise<void>;
  /** The rule that is to be applied longest; null when none is. */
  findDue(now: number): Promise<RuleRow | null>;
  /** It was applied, and is again at this time, unless somebody has said so before. */
  moveOn(row: RuleRow, nextRunAt: number): Promise<void>;
  ensureIndexes(): Promise<void>;
}

export function mongoMembershipRuleStore(db: Db): MembershipRuleStore {
  const rules = db.collection<RuleRow>("membership_rules");
  const find = async (app: string, ruleId: string): Promise<RuleRow | null> => {
    const row = await rules.findOne({ _id: ruleKey(app, ruleId) });
    return row && RuleRow.parse(row);
  };
  return {
    find,
    async list(app) {
      const rows = await rules
        .find({ app, deletedAt: null })
        .sort({ createdAt: 1, _id: 1 })
        .limit(MAX_MEMBERSHIP_RULES)
        .toArray();
      return rows.map((row) => RuleRow.parse(row));
    },
    async put({ _id, createdAt, current, ...row }) {
      await rules.updateOne({ _id }, { $setOnInsert: { ...row, createdAt, current } }, { upsert: true });
      await rules.updateOne({ _id, updatedAt: { $lte: row.updatedAt } }, { $set: row });
      return (await find(row.app, row.ruleId)) ?? { _id, createdAt, current, ...row };
    },
    async advance({ _id, current }) {
      await rules.updateOne({ _id, current }, { $set: { current: current + 1 } });
    },
    async findDue(now) {
      const row = await rules.findOne({ nextRunAt: { $gt: 0, $lte: now } }, { sort: { nextRunAt: 1 } });
      return row && RuleRow.parse(row);
    },
    async moveOn({ _id, nextRunAt: before }, nextRunAt) {
      await rules.updateOne({ _id, nextRunAt: before }, { $set: { nextRunAt } });
    },
    async ensureIndexes() {
      await rules.createIndex({ app: 1, deletedAt: 1, createdAt: 1, _id: 1 });
      await rules.createIndex({ nextRunAt: 1 }, { partialFilterExpression: { nextRunAt: { $gt: 0 } } });
    },
  };
}
