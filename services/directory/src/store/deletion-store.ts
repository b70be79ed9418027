import { DeletedBy, type DeletionCounts, DeletionStep, type UserDeletion } from "@strata/contracts";
import type { Db } from "mongodb";
import { z } from "zod";

const Step = z.object({
  counts: z.record(z.string(), z.number().int()).default({}),
  doneAt: z.number().optional(),
});

const DeletionRow = z.object({
  /** `<app>/<user>/<time>`: what the event of the deletion says, so that each service names the same one. */
  _id: z.string(),
  app: z.string(),
  userId: z.string(),
  at: z.number(),
  by: DeletedBy.nullable(),
  steps: z.partialRecord(DeletionStep, Step).default({}),
  expiresAt: z.date(),
});
type DeletionRow = z.input<typeof DeletionRow>;

/** Which deletion: a user may come back, and be deleted again. */
export interface Deletion {
  readonly app: string;
  readonly userId: string;
  readonly at: number;
}

/**
 * What deletions removed: counts by service and kind, never what it was. Of a count the highest that was told is kept, so
 * that nothing is counted twice and nothing is lost, however often a service tells it.
 */
export interface DeletionStore {
  /** Puts a deletion on record. Again: the same. */
  begin(deletion: Deletion, by: DeletedBy | null): Promise<void>;
  /** A service found so many. A deletion that is not on record stays so. */
  count(deletion: Deletion, step: DeletionStep, counts: DeletionCounts): Promise<void>;
  /** A service is done; the first time that it said so is kept. */
  finish(deletion: Deletion, step: DeletionStep, now: number): Promise<void>;
  /** The last deletion of a user. */
  findLast(app: string, userId: string): Promise<UserDeletion | null>;
  ensureIndexes(): Promise<void>;
}

/** A year: longer than a person has to complain, or an auditor to ask, and no longer. */
const KEPT_MS = 365 * 86_400_000;

const keyOf = ({ app, userId, at }: Deletion): string => `${app}/${userId}/${at}`;

export function mongoDeletionStore(db: Db): DeletionStore {
  const deletions = db.collection<DeletionRow>("deletions");
  return {
    async begin(deletion, by) {
      const fields = { ...deletion, by, expiresAt: new Date(deletion.at + KEPT_MS) };
      await deletions.updateOne({ _id: keyOf(deletion) }, { $setOnInsert: fields }, { upsert: true });
    },
    async count(deletion, step, counts) {
      const highest = Object.fromEntries(
        Object.entries(counts).map(([kind, n]) => [`steps.${step}.counts.${kind}`, n]),
      );
      if (Object.keys(highest).length === 0) return;
      await deletions.updateOne({ _id: keyOf(deletion) }, { $max: highest });
    },
    async finish(deletion, step, now) {
      const field = `steps.${step}.doneAt`;
      await deletions.updateOne({ _id: keyOf(deletion), [field]: { $exists: false } }, { $set: { [field]: now } });
    },
    async findLast(app, userId) {
      const found = await deletions.findOne({ app, userId }, { sort: { at: -1 } });
      if (!found) return null;
      const { at, by, steps } = DeletionRow.parse(found);
      return {
        userId,
        at,
        by,
        steps: DeletionStep.options.map((step) => {
          const { counts = {}, doneAt = null } = steps[step] ?? {};
          return { step, counts, doneAt };
        }),
      };
    },
    async ensureIndexes() {
      await deletions.createIndex({ app: 1, userId: 1, at: -1 });
      await deletions.createIndex({ expiresAt: 1 }, { expireAfterSeconds: 0 });
    },
  };
}
