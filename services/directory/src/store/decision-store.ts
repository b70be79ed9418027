import { MAX_SHOWN_DECISIONS } from "@strata/contracts";
import { isDuplicateKey } from "@strata/runtime";
import type { Db } from "mongodb";
import { DecisionRow } from "../domain/decision.ts";

export interface DecisionStore {
  /** Stores a decision, or answers the one that was made for this crossing before. */
  insertOrFind(row: DecisionRow): Promise<DecisionRow>;
  find(app: string, decisionId: string): Promise<DecisionRow | null>;
  /** Those about a user, the newest first, as many as are shown. */
  ofUser(app: string, userId: string): Promise<readonly DecisionRow[]>;
  /** Writes a change upon the row as it was read; throws when somebody else has changed it since. */
  change(row: DecisionRow, change: Partial<DecisionRow>): Promise<DecisionRow>;
  /** Removes the decisions about a user, and her flags from those about others. */
  forget(app: string, userId: string): Promise<void>;
  ensureIndexes(): Promise<void>;
}

export function mongoDecisionStore(db: Db): DecisionStore {
  const decisions = db.collection<DecisionRow>("moderation_decisions");
  return {
    async insertOrFind(row) {
      try {
        await decisions.insertOne(row);
        return row;
      } catch (error) {
        if (!isDuplicateKey(error)) throw error;
        return DecisionRow.parse(await decisions.findOne({ _id: row._id }));
      }
    },
    async find(app, decisionId) {
      const row = await decisions.findOne({ app, decisionId });
      return row && DecisionRow.parse(row);
    },
    async ofUser(app, userId) {
      const rows = await decisions
        .find({ app, userId })
        .sort({ at: -1, decisionId: 1 })
        .limit(MAX_SHOWN_DECISIONS)
        .toArray();
      return rows.map((row) => DecisionRow.parse(row));
    },
    async change({ _id, version }, change) {
      const changed = await decisions.findOneAndUpdate(
        { _id, version },
        { $set: change, $inc: { version: 1 } },
        { returnDocument: "after" },
      );
      if (!changed) throw new Error(`the decision was changed by somebody else after version ${version}`);
      return DecisionRow.parse(changed);
    },
    async forget(app, userId) {
      await decisions.deleteMany({ app, userId });
      await decisions.updateMany(
        { app, "flags.by": userId },
        { $pull: { flags: { by: userId }, "actions.$[].targets": userId }, $inc: { version: 1 } },
      );
    },
    async ensureIndexes() {
      await decisions.createIndex({ app: 1, decisionId: 1 }, { unique: true });
      await decisions.createIndex({ app: 1, userId: 1, at: -1, decisionId: 1 });
      await decisions.createIndex({ app: 1, "flags.by": 1 });
    },
  };
}
