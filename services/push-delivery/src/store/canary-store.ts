import { CanaryAnswer } from "@strata/contracts";
import { isDuplicateKey } from "@strata/runtime";
import type { Db } from "mongodb";
import { z } from "zod";

const CanaryRow = z.object({
  /** `<app>/<command>` */
  _id: z.string(),
  at: z.date(),
  answer: CanaryAnswer.nullable(),
});
type CanaryRow = z.infer<typeof CanaryRow>;

export interface CanaryStore {
  /** True for the first who asks: only she may send. */
  claim(app: string, command: string): Promise<boolean>;
  answered(app: string, command: string, answer: CanaryAnswer): Promise<void>;
  /** Null: it is not known what became of it. */
  answerTo(app: string, command: string): Promise<CanaryAnswer | null>;
  ensureIndexes(): Promise<void>;
}

/** Longer than any command is delivered again. */
const REMEMBERED_SECONDS = 86_400;

export function mongoCanaryStore(db: Db): CanaryStore {
  const canaries = db.collection<CanaryRow>("push_canaries");
  return {
    async claim(app, command) {
      try {
        await canaries.insertOne({ _id: `${app}/${command}`, at: new Date(), answer: null });
        return true;
      } catch (error) {
        if (!isDuplicateKey(error)) throw error;
        return false;
      }
    },
    async answered(app, command, answer) {
      await canaries.updateOne({ _id: `${app}/${command}` }, { $set: { answer } });
    },
    async answerTo(app, command) {
      const row = await canaries.findOne({ _id: `${app}/${command}` });
      return row && CanaryRow.parse(row).answer;
    },
    async ensureIndexes() {
      await canaries.createIndex({ at: 1 }, { expireAfterSeconds: REMEMBERED_SECONDS });
    },
  };
}
