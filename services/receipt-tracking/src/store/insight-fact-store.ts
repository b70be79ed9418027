import { isDuplicateKey } from "@strata/runtime";
import type { Db } from "mongodb";
import { z } from "zod";
import { hourOf } from "../domain/cohort.ts";
import { insightKey } from "../domain/insight-key.ts";
import { below } from "../domain/receipt-key.ts";

/** An announcement that was accepted, or a message that was sent. */
export type InsightFact =
  | {
      readonly kind: "hour";
      readonly app: string;
      readonly at: number;
      readonly category: string | null;
      readonly id: string;
    }
  | { readonly kind: "messages"; readonly app: string; readonly at: number; readonly id: string };

/** Told later than this after they were sent, messages are not counted; rows are kept for twice as long. */
export const COUNTED_MS = 7 * 86_400_000;

/**
 * What insights count: one row for each announcement and message, below the key of the row that counts it, so that one
 * told of again changes nothing. Rows of messages go after two weeks, when nothing counts them any more.
 */
export interface InsightFactStore {
  /** Answers the keys of the rows of insights that they are counted in. */
  record(facts: readonly InsightFact[]): Promise<readonly string[]>;
  /** How many are counted in a row of insights. */
  count(insight: string): Promise<number>;
  ensureIndexes(): Promise<void>;
}

interface Row {
  readonly _id: string;
  readonly expireAt?: Date;
}

const Count = z.object({ n: z.number() });

export function mongoInsightFactStore(db: Db): InsightFactStore {
  const rows = db.collection<Row>("insight_facts");
  return {
    async record(facts) {
      const counted = facts.filter(({ kind, at }) => kind === "hour" || at > Date.now() - COUNTED_MS);
      if (counted.length === 0) return [];
      try {
        await rows.insertMany(counted.map(rowOf), { ordered: false });
      } catch (error) {
        if (!isDuplicateKey(error)) throw error;
      }
      // Of those that were there too: whoever inserted them may have died before it marked what counts them.
      return [...new Set(counted.map(counter))];
    },
    async count(insight) {
      const { after, before } = below(insight);
      const query = { _id: { $gt: after, $lt: before } };
      return Count.parse(await db.command({ count: rows.collectionName, query })).n;
    },
    async ensureIndexes() {
      await rows.createIndex({ expireAt: 1 }, { expireAfterSeconds: 0, sparse: true });
    },
  };
}

const counter = (fact: InsightFact): string => insightKey({ ...fact, slot: hourOf(fact.at) });

const rowOf = (fact: InsightFact): Row => ({
  _id: `${counter(fact)}/${fact.id}`,
  ...(fact.kind === "messages" ? { expireAt: new Date(fact.at + 2 * COUNTED_MS) } : {}),
});
