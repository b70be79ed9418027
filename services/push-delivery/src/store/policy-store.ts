import { CategoryPolicy, Millis, PushPolicy } from "@strata/contracts";
import { isDuplicateKey } from "@strata/runtime";
import type { Db } from "mongodb";
import { z } from "zod";

/** Categories as a list: a name may be anything, also what MongoDB would take for a path. */
const PolicyRow = z.object({
  /** The app. */
  _id: z.string(),
  policy: PushPolicy.omit({ categories: true }),
  categories: z.array(z.object({ name: z.string(), own: CategoryPolicy })),
  /** When the command was sent, and which it was: an older one that comes late changes nothing. */
  at: Millis,
  by: z.string(),
});
type PolicyRow = z.infer<typeof PolicyRow>;

export interface PolicyStore {
  /** Sets an app's policy, unless a newer command has. */
  put(app: string, policy: PushPolicy, command: { readonly at: number; readonly by: string }): Promise<void>;
  /** Null: the app never set one. */
  find(app: string): Promise<PushPolicy | null>;
}

export function mongoPolicyStore(db: Db): PolicyStore {
  const policies = db.collection<PolicyRow>("push_policies");
  return {
    async put(_id, { categories, ...policy }, { at, by }) {
      const isOlder = [{ at: { $lt: at } }, { at, by: { $lte: by } }];
      const row = { policy, categories: Object.entries(categories).map(([name, own]) => ({ name, own })), at, by };
      try {
        await policies.replaceOne({ _id, $or: isOlder }, row, { upsert: true });
      } catch (error) {
        // The row is there, and newer: the upsert tried to make a second one.
        if (!isDuplicateKey(error)) throw error;
      }
    },
    async find(_id) {
      const row = await policies.findOne({ _id });
      return row && policyOf(PolicyRow.parse(row));
    },
  };
}

const policyOf = ({ policy, categories }: PolicyRow): PushPolicy => ({
  ...policy,
  categories: Object.fromEntries(categories.map(({ name, own }) => [name, own])),
});
