import { MessagePolicy } from "@strata/contracts";
import { isDuplicateKey, wholeChange } from "@strata/runtime";
import type { Db } from "mongodb";
import { z } from "zod";

const PolicyRow = z.object({
  /** The app. */
  _id: z.string(),
  /** null: it was taken away. */
  policy: MessagePolicy.nullable(),
  /** When the command was sent, and which it was: an older one that comes late changes nothing. */
  at: z.number(),
  by: z.string(),
  /** What that command found. */
  before: z.object({ policy: MessagePolicy.nullable() }).nullable().default(null),
});
export type PolicyRow = z.infer<typeof PolicyRow>;

export interface MessagePolicyStore {
  /** Sets an app's policy, unless a newer command has. */
  put(app: string, policy: MessagePolicy | null, command: { readonly at: number; readonly by: string }): Promise<void>;
  /** Null: the app never set one. */
  find(app: string): Promise<PolicyRow | null>;
}

/** Found by `_id` only. */
export function mongoMessagePolicyStore(db: Db): MessagePolicyStore {
  const policies = db.collection<PolicyRow>("message_policies");
  return {
    async put(_id, policy, { at, by }) {
      const isOlder = [{ at: { $lt: at } }, { at, by: { $lte: by } }];
      try {
        await policies.updateOne({ _id, $or: isOlder }, [{ $set: wholeChange({ policy }, { at, by }) }], {
          upsert: true,
        });
      } catch (error) {
        // The row is there, and newer: the upsert tried to make a second one.
        if (!isDuplicateKey(error)) throw error;
      }
    },
    async find(_id) {
      const row = await policies.findOne({ _id });
      return row && PolicyRow.parse(row);
    },
  };
}
