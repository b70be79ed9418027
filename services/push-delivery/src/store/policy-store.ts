import { CategoryPolicy, Millis, PushPolicy } from "@strata/contracts";
import { isDuplicateKey, wholeChange } from "@strata/runtime";
import type { Db } from "mongodb";
import { z } from "zod";

/** Categories as a list: a name may be anything, also what MongoDB would take for a path. */
const Fields = z.object({
  policy: PushPolicy.omit({ categories: true }),
  categories: z.array(z.object({ name: z.string(), own: CategoryPolicy })),
});

const PolicyRow = Fields.extend({
  /** The app. */
  _id: z.string(),
  /** When the command was sent, and which it was: an older one that comes late changes nothing. */
  at: Millis,
  by: z.string(),
  /** What that command found. */
  before: Fields.nullable().default(null),
});
type PolicyRow = z.infer<typeof PolicyRow>;

export interface PolicyStore {
  /** Sets an app's policy, unless a newer command has. */
  put(app: string, policy: PushPolicy, command: { readonly at: number; readonly by: string }): Promise<void>;
  /** Null: the app never set one. */
  find(app: string): Promise<PushPolicy | null>;
  /** What a command found and left; null: another has come since, or it changed nothing. */
  changeBy(app: string, by: string): Promise<{ before: PushPolicy | null; after: PushPolicy } | null>;
}

export function mongoPolicyStore(db: Db): PolicyStore {
  const policies = db.collection<PolicyRow>("push_policies");
  return {
    async put(_id, { categories, ...policy }, { at, by }) {
      const isOlder = [{ at: { $lt: at } }, { at, by: { $lte: by } }];
      const list = Object.entries(categories).map(([name, own]) => ({ name, own }));
      const change = [{ $set: wholeChange({ policy, categories: list }, { at, by }) }];
      try {
        await policies.updateOne({ _id, $or: isOlder }, change, { upsert: true });
      } catch (error) {
        // The row is there, and newer: the upsert tried to make a second one.
        if (!isDuplicateKey(error)) throw error;
      }
    },
    async find(_id) {
      const row = await policies.findOne({ _id });
      return row && policyOf(PolicyRow.parse(row));
    },
    async changeBy(_id, by) {
      const row = await policies.findOne({ _id, by });
      if (!row) return null;
      const { before, ...after } = PolicyRow.parse(row);
      return { before: before && policyOf(before), after: policyOf(after) };
    },
  };
}

const policyOf = ({ policy, categories }: z.infer<typeof Fields>): PushPolicy => ({
  ...policy,
  categories: Object.fromEntries(categories.map(({ name, own }) => [name, own])),
});
