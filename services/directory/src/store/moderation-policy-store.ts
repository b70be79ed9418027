import { DEFAULT_MODERATION_POLICY, Millis, ModerationPolicy, type StandingModerationPolicy } from "@strata/contracts";
import { isDuplicateKey, wholeChange } from "@strata/runtime";
import type { Db } from "mongodb";
import { z } from "zod";

const PolicyRow = z.object({
  /** The app. */
  _id: z.string(),
  /** null: it was taken away. The row stays, so that no revision comes twice. */
  policy: ModerationPolicy.nullable(),
  revision: z.number().int(),
  /** When the command was sent, and which it was: an older one that comes late changes nothing. */
  at: Millis,
  by: z.string(),
  /** What that command found. */
  before: z.object({ policy: ModerationPolicy.nullable() }).nullable().default(null),
});
type PolicyRow = z.infer<typeof PolicyRow>;

export interface ModerationPolicyStore {
  /** Sets an app's policy, unless a newer command has; answers what stands then. */
  put(
    app: string,
    policy: ModerationPolicy | null,
    command: { readonly at: number; readonly by: string },
  ): Promise<StandingModerationPolicy>;
  find(app: string): Promise<StandingModerationPolicy>;
  /** What a command found and left; null: another has come since. */
  changeBy(
    app: string,
    by: string,
  ): Promise<{ readonly before: ModerationPolicy | null; readonly after: ModerationPolicy | null } | null>;
}

export function mongoModerationPolicyStore(db: Db): ModerationPolicyStore {
  const policies = db.collection<PolicyRow>("moderation_policies");
  const find = async (_id: string) => standing(await policies.findOne({ _id }));
  return {
    find,
    async changeBy(_id, by) {
      const row = await policies.findOne({ _id, by });
      if (!row) return null;
      const { before, policy } = PolicyRow.parse(row);
      return { before: before?.policy ?? null, after: policy };
    },
    async put(_id, policy, { at, by }) {
      const isOlder = [{ at: { $lt: at } }, { at, by: { $lt: by } }];
      try {
        const row = await policies.findOneAndUpdate(
          { _id, $or: isOlder },
          [
            {
              $set: { ...wholeChange({ policy }, { at, by }), revision: { $add: [{ $ifNull: ["$revision", 0] }, 1] } },
            },
          ],
          { upsert: true, returnDocument: "after" },
        );
        return standing(row);
      } catch (error) {
        // The row is there and newer, or this very command's: the upsert tried to make a second one.
        if (!isDuplicateKey(error)) throw error;
        return find(_id);
      }
    },
  };
}

function standing(stored: PolicyRow | null): StandingModerationPolicy {
  if (stored === null) return { policy: DEFAULT_MODERATION_POLICY, revision: 0, updatedAt: null };
  const { policy, revision, at } = PolicyRow.parse(stored);
  return { policy: policy ?? DEFAULT_MODERATION_POLICY, revision, updatedAt: at };
}
