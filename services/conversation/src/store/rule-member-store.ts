import type { Db } from "mongodb";
import { z } from "zod";

/** What a rule has done about one user. */
export const RuleMember = z.object({
  /** `<app>/<rule>/<user id>` */
  _id: z.string(),
  app: z.string(),
  ruleId: z.string(),
  user: z.string(),
  /** Where it put her; null where it was refused, or of a rule by which one leaves. */
  conversationId: z.string().nullable(),
  /** The number of the conversation that she is being put into, and may be in already; absent once that is settled. */
  placing: z.number().int().optional(),
  /** The conversations that she is being taken out of, and may be out of already; it goes with the row once that is told. */
  leaving: z.array(z.string()).optional(),
  /** When she began to join by it, was warned, or began to leave. */
  at: z.number(),
  /** The last run in which she was one of those who are warned. */
  run: z.string().nullable(),
  /** When a run found her again. */
  keptAt: z.number().optional(),
});
export type RuleMember = z.infer<typeof RuleMember>;

interface OfRule {
  readonly app: string;
  readonly ruleId: string;
}

type Leaving = Pick<RuleMember, "at" | "run">;
type Placing = Leaving & { readonly placing: number };

export interface RuleMemberStore {
  /** Those of some users whom the rule has to do with, by user id. */
  find(rule: OfRule, userIds: readonly string[]): Promise<ReadonlyMap<string, RuleMember>>;
  /** Once for each user: who is there stays as she is. */
  insertNew(rows: readonly Omit<RuleMember, "_id">[]): Promise<void>;
  /** She is being put into a conversation; answers what is there, which may be that she was, or is being, put into another. */
  begin(rule: OfRule, userId: string, placing: Placing): Promise<RuleMember>;
  /** It is to be another one, unless somebody has said so before; answers what is there, null once she was deleted. */
  goOn(member: RuleMember, placing: number): Promise<RuleMember | null>;
  /** That is settled. `conversationId`: where she is; null: nowhere. */
  settle(member: RuleMember, done: Pick<RuleMember, "conversationId" | "run">): Promise<void>;
  /** She is being taken out of these, too; answers all of them. */
  leave(rule: OfRule, userId: string, conversationIds: readonly string[], by: Leaving): Promise<readonly string[]>;
  /** They were found again by a run. */
  keep(rule: OfRule, userIds: readonly string[], by: { readonly run: string; readonly at: number }): Promise<void>;
  /** Whom a run has not found, nor any other since it began: they have come back since they were warned. */
  dropOthers(rule: OfRule, by: { readonly run: string; readonly startedAt: number }): Promise<void>;
  drop(rule: OfRule, userId: string): Promise<void>;
  /** Of a user who was deleted. */
  forget(app: string, userId: string, at: number): Promise<void>;
  /** How many there are of a user from before she was deleted. */
  countFromBefore(app: string, userId: string, at: number): Promise<number>;
  ensureIndexes(): Promise<void>;
}

const key = ({ app, ruleId }: OfRule, userId: string): string => `${app}/${ruleId}/${userId}`;

export function mongoRuleMemberStore(db: Db): RuleMemberStore {
  const members = db.collection<RuleMember>("rule_members");
  return {
    async find(rule, userIds) {
      const ids = userIds.map((userId) => key(rule, userId));
      const rows = await members.find({ _id: { $in: ids } }, { batchSize: ids.length + 1 }).toArray();
      return new Map(rows.map((row) => RuleMember.parse(row)).map((row) => [row.user, row]));
    },
    async insertNew(rows) {
      if (rows.length === 0) return;
      await members.bulkWrite(
        rows.map((row) => ({
          updateOne: { filter: { _id: key(row, row.user) }, update: { $setOnInsert: { ...row } }, upsert: true },
        })),
        { ordered: false },
      );
    },
    async begin({ app, ruleId }, user, placing) {
      const _id = key({ app, ruleId }, user);
      const row = { app, ruleId, user, conversationId: null, ...placing };
      return RuleMember.parse(
        await members.findOneAndUpdate({ _id }, { $setOnInsert: row }, { upsert: true, returnDocument: "after" }),
      );
    },
    async goOn({ _id, placing: before }, placing) {
      if (before !== undefined) await members.updateOne({ _id, placing: before }, { $set: { placing } });
      const row = await members.findOne({ _id });
      return row && RuleMember.parse(row);
    },
    async settle({ _id }, done) {
      await members.updateOne({ _id, placing: { $exists: true } }, { $set: done, $unset: { placing: "" } });
    },
    async leave({ app, ruleId }, user, conversationIds, by) {
      const _id = key({ app, ruleId }, user);
      const row = await members.findOneAndUpdate(
        { _id },
        {
          $addToSet: { leaving: { $each: [...conversationIds] } },
          $setOnInsert: { app, ruleId, user, conversationId: null, ...by },
        },
        { upsert: true, returnDocument: "after" },
      );
      return RuleMember.parse(row).leaving ?? [];
    },
    async keep(rule, userIds, { run, at: keptAt }) {
      await members.updateMany({ _id: { $in: userIds.map((userId) => key(rule, userId)) } }, { $set: { run, keptAt } });
    },
    async dropOthers({ app, ruleId }, { run, startedAt }) {
      const before = { $lt: startedAt };
      const isOlder = [{ keptAt: before }, { keptAt: { $exists: false }, at: before }];
      await members.deleteMany({ app, ruleId, run: { $ne: run }, $or: isOlder });
    },
    async drop(rule, userId) {
      await members.deleteOne({ _id: key(rule, userId) });
    },
    async forget(app, user, at) {
      await members.deleteMany({ app, user, at: { $lte: at } });
    },
    countFromBefore: (app, user, at) => members.countDocuments({ app, user, at: { $lte: at } }),
    async ensureIndexes() {
      await members.createIndex({ app: 1, user: 1 });
      await members.createIndex({ app: 1, ruleId: 1, run: 1 });
    },
  };
}
