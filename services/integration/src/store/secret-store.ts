import { isDuplicateKey } from "@strata/runtime";
import type { Db } from "mongodb";
import { z } from "zod";

const SecretRow = z.object({
  /** The app. */
  _id: z.string(),
  generation: z.number().int(),
  rotatedAt: z.number(),
  previousUntil: z.number().nullable(),
  /** The command that made this generation. */
  by: z.string(),
});
type SecretRow = z.infer<typeof SecretRow>;

export type SecretState = Omit<SecretRow, "_id" | "rotatedAt" | "by"> & { readonly rotatedAt: number | null };

export interface SecretStore {
  /** Which generation of an app's secret is good; that of an app which never asked for one is 0. */
  find(app: string): Promise<SecretState>;
  /** Makes the next generation; a command that comes again finds the one that it made. */
  rotate(app: string, by: string, rotation: Rotation): Promise<SecretState>;
}

interface Rotation {
  readonly at: number;
  /** Until when the one before is good. */
  readonly previousUntil: number | null;
}

const NEVER: SecretState = { generation: 0, rotatedAt: null, previousUntil: null };

/** Found by `_id` only. */
export function mongoSecretStore(db: Db): SecretStore {
  const secrets = db.collection<SecretRow>("signing_secrets");
  const stateOf = (row: unknown): SecretState => {
    const { generation, rotatedAt, previousUntil } = SecretRow.parse(row);
    return { generation, rotatedAt, previousUntil };
  };
  return {
    async find(app) {
      const row = await secrets.findOne({ _id: app });
      return row ? stateOf(row) : NEVER;
    },
    async rotate(app, by, { at, previousUntil }) {
      try {
        const row = await secrets.findOneAndUpdate(
          { _id: app, by: { $ne: by } },
          { $inc: { generation: 1 }, $set: { by, rotatedAt: at, previousUntil } },
          { upsert: true, returnDocument: "after" },
        );
        return stateOf(row);
      } catch (error) {
        // The row is there, and of this command: the upsert tried to make a second one.
        if (!isDuplicateKey(error)) throw error;
        return stateOf(await secrets.findOne({ _id: app }));
      }
    },
  };
}
