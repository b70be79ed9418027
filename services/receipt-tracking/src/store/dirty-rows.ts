import { randomUUID } from "node:crypto";
import { isDuplicateKey } from "@strata/runtime";
import type { Db } from "mongodb";
import { z } from "zod";

/** A row that nobody else derives now. */
export interface Leased {
  readonly key: string;
  /** As it was when the row was taken: a change since then makes it another. */
  readonly dirty: string;
  readonly lease: string;
}

/**
 * Numbers derived from facts and never added to, one row for each partition of an announcement. A row is marked dirty
 * before what changed it is acknowledged, and derived again from the facts, so that whatever is killed in between, the
 * numbers come to equal them.
 */
export interface DirtyRows<Derived> {
  /** Due at once, or after a while; a row that is due before stays so. */
  markDirty(keys: readonly string[], delayMs?: number): Promise<void>;
  /** Of these, those that there are. */
  markDirtyWhereKept(keys: readonly string[]): Promise<void>;
  /** Takes the dirty row that has waited longest, if one is due. A lease that runs out makes it due again. */
  takeDue(): Promise<Leased | null>;
  /** False when somebody else has taken the row meanwhile. */
  renew(leased: Leased): Promise<boolean>;
  /** Keeps what was derived so far, and the row dirty: what derives from it is marked next. False when the lease was lost. */
  keep(leased: Leased, derived: Derived): Promise<boolean>;
  /**
   * Stores what was derived under this lease, unless it was lost. Marked dirty since, the row stays due; else it is
   * clean. Either way it rests for a while.
   */
  store(leased: Leased, derived: Partial<Derived>, restMs: number): Promise<void>;
  ensureIndexes(): Promise<void>;
}

/** The fields of a row beside what is derived. */
export interface DirtyRow {
  readonly _id: string;
  /** Absent when the numbers are right; else another one after every change. */
  readonly dirty?: string;
  /** Present with `dirty`: when to derive again. */
  readonly dueAt?: Date;
  readonly restUntil?: Date;
  readonly lease?: string;
}

export const LEASE_MS = 10_000;

const Taken = z.object({ _id: z.string(), dirty: z.string(), lease: z.string() });

/**
 * Losing a lease or stored numbers in a failover only means to derive them again, so these writes do not wait for a
 * majority. What must survive is the mark, and that one waits.
 */
const DERIVABLE = { writeConcern: { w: 1 } } as const;

export function mongoDirtyRows<Derived extends object>(db: Db, collection: string): DirtyRows<Derived> {
  const rows = db.collection<DirtyRow>(collection);

  const mark = async (
    keys: readonly string[],
    { dirty = randomUUID(), delayMs = 0, upsert }: { dirty?: string; delayMs?: number; upsert: boolean },
  ): Promise<void> => {
    const from = new Date(Date.now() + delayMs);
    const changes = {
      dirty,
      // A row being derived, or resting after it, becomes due when that ends and not sooner.
      dueAt: { $ifNull: ["$dueAt", { $max: [from, "$restUntil"] }] },
    };
    await rows.bulkWrite(
      keys.map((_id) => ({ updateOne: { filter: { _id }, update: [{ $set: changes }], upsert } })),
      { ordered: false },
    );
  };

  return {
    async markDirty(keys, delayMs = 0) {
      if (keys.length === 0) return;
      const dirty = randomUUID();
      try {
        await mark(keys, { dirty, delayMs, upsert: true });
      } catch (error) {
        // Two upserts of one new row at the same moment: by now it exists, and the second try updates it.
        if (!isDuplicateKey(error)) throw error;
        await mark(keys, { dirty, delayMs, upsert: true });
      }
    },
    async markDirtyWhereKept(keys) {
      if (keys.length > 0) await mark(keys, { upsert: false });
    },
    async takeDue() {
      const row = await rows.findOneAndUpdate(
        { dueAt: { $lte: new Date() } },
        { $set: { lease: randomUUID(), dueAt: leaseEnd() } },
        { sort: { dueAt: 1 }, returnDocument: "after", projection: { dirty: 1, lease: 1 }, ...DERIVABLE },
      );
      if (!row) return null;
      const { _id: key, dirty, lease } = Taken.parse(row);
      return { key, dirty, lease };
    },
    async renew({ key, lease }) {
      const renewed = await rows.updateOne({ _id: key, lease }, { $set: { dueAt: leaseEnd() } }, DERIVABLE);
      return renewed.matchedCount === 1;
    },
    async keep({ key, lease }, derived) {
      const kept = await rows.updateOne({ _id: key, lease }, { $set: derived }, DERIVABLE);
      return kept.matchedCount === 1;
    },
    async store({ key, dirty, lease }, derived, restMs) {
      const restUntil = new Date(Date.now() + restMs);
      const isClean = { $eq: ["$dirty", dirty] };
      const changes = {
        ...derived,
        restUntil,
        dirty: { $cond: [isClean, "$$REMOVE", "$dirty"] },
        dueAt: { $cond: [isClean, "$$REMOVE", restUntil] },
        lease: "$$REMOVE",
      };
      // Numbers of a lost lease may be older than those stored since, and would never be corrected.
      await rows.updateOne({ _id: key, lease }, [{ $set: changes }], DERIVABLE);
    },
    async ensureIndexes() {
      // Sparse: only dirty rows are in it, so that looking for work costs nothing where there is none.
      await rows.createIndex({ dueAt: 1 }, { sparse: true });
    },
  };
}

const leaseEnd = (): Date => new Date(Date.now() + LEASE_MS);
