import { isDuplicateKey } from "@strata/runtime";
import type { Db } from "mongodb";
import { announcementKey, below, type Cursor, partitionRowId, sliceRowId, slotOf } from "../domain/batch.ts";

/** How far the fan-out of one partition of one announcement has come. */
export interface PartitionRow {
  readonly _id: string;
  readonly app: string;
  readonly slot: number;
  readonly announcement: string;
  readonly partition: number;
  /** 0 for urgent ones, which go first, 1 for others; rows of before there were urgent ones have none. */
  readonly rank?: number;
  /** The accept time of its announcement: older ones go first. */
  readonly at: number;
  /** Its announcement is paused: nobody looks at it. */
  readonly held?: true | null;
  /** The next batch to be written. */
  readonly n: number;
  /** Where it begins, unless its number says that. */
  readonly cursor?: Cursor | null;
  readonly sent: number;
  readonly unknown: number;
  /** Its work is to settle who gets it when, and so far these moments came up. */
  readonly isSorting?: true;
  readonly moments?: readonly number[];
  /** Of those only who get it at this moment. */
  readonly slice?: number;
  /** Who got it later than all others, since she became known later. */
  readonly late?: number;
  readonly done: boolean;
}

interface SlotRow {
  readonly _id: string;
  /** The command that works this slot, and until when it may be taken for alive. */
  readonly holder: string;
  readonly leaseUntil: number;
}

export interface Progress {
  readonly sent: number;
  readonly unknown: number;
  readonly pending: number;
}

/** How an announcement's partitions stand in line. */
export interface Lane {
  readonly at: number;
  readonly isUrgent: boolean;
  /** They are worked one step at a time at its own pace, in no slot. */
  readonly isThrottled: boolean;
  /** They settle who gets it when, and bring it to nobody. */
  readonly isSorting?: boolean;
}

/** Of one partition, those who get it at one moment. */
export interface SliceOf {
  readonly partition: number;
  readonly moment: number;
}

/** Of an announcement by local time. */
export interface Slices {
  /** Whether it is settled of everybody. */
  readonly areSettled: boolean;
  readonly all: readonly SliceOf[];
  /** How many of them are being brought to their recipients, or were. */
  readonly begun: number;
}

/** A row and the step that it was taken on by. */
export interface Move {
  readonly row: PartitionRow;
  readonly step: Step;
}

/** The slot of what is in none. */
export const NO_SLOT = -1;

/** What one step did: how many batches, with how many recipients, and whether they were the partition's last. */
export interface Step {
  readonly batches: number;
  readonly sent: number;
  readonly unknown: number;
  readonly cursor: Cursor | null;
  readonly isDone: boolean;
}

export interface PartitionStore {
  insertNew(app: string, announcementId: string, lane: Lane, partitions: readonly number[]): Promise<void>;
  /** Rows of slices, as of partitions. */
  insertSlices(app: string, announcementId: string, lane: Omit<Lane, "at">, slices: readonly SliceOf[]): Promise<void>;
  /** These moments come up in the partition of a row. */
  addMoments(row: PartitionRow, moments: readonly number[]): Promise<void>;
  slices(app: string, announcementId: string): Promise<Slices>;
  /** The unfinished partitions of a slot that are next, at most so many: urgent ones first, then the oldest. */
  nextPending(app: string, slot: number, most?: number): Promise<readonly PartitionRow[]>;
  /** The unfinished partition of a throttled announcement that is next. */
  nextOf(app: string, announcementId: string): Promise<PartitionRow | null>;
  /** Takes an announcement's unfinished partitions out of their slots' way, or gives them back. */
  hold(app: string, announcementId: string): Promise<void>;
  letGo(app: string, announcementId: string): Promise<void>;
  /** Moves a row on behind the batches just written; null when somebody else has moved it meanwhile. */
  advance(row: PartitionRow, step: Step): Promise<PartitionRow | null>;
  /** The same of several rows; answers how many it moved. */
  advanceAll(moves: readonly Move[]): Promise<number>;
  /** As many of a partition came later, or more by now. */
  setLatecomers(app: string, announcementId: string, partition: number, late: number): Promise<void>;
  progress(app: string, announcementId: string): Promise<Progress>;
  /** Slots of an announcement that have unfinished partitions. */
  pendingSlots(app: string, announcementId: string): Promise<readonly number[]>;
  /** Takes a slot for `holder` (again); false while somebody else's lease lasts. */
  acquireSlot(app: string, slot: number, holder: string, leaseMs: number): Promise<boolean>;
  releaseSlot(app: string, slot: number, holder: string): Promise<void>;
  isSlotHeld(app: string, slot: number): Promise<boolean>;
  ensureIndexes(): Promise<void>;
}

/**
 * Progress may be lost in a crash of the database: the next worker meets the stored batches, adopts them and goes on. So
 * it need not wait for the disk. The announcement's own change of state, before it and after it, is majority-written,
 * and a majority write makes durable all that the log has before it.
 */
const LIGHT = { writeConcern: { w: 1 } } as const;

const slotId = (app: string, slot: number): string => `${app}/${slot}`;

const freshRow = (
  app: string,
  announcementId: string,
  partition: number,
  { at, isUrgent, isThrottled }: Lane,
): PartitionRow => ({
  _id: partitionRowId(app, announcementId, partition),
  app,
  slot: isThrottled ? NO_SLOT : slotOf(partition),
  announcement: announcementId,
  partition,
  rank: isUrgent ? 0 : 1,
  at,
  n: 0,
  sent: 0,
  unknown: 0,
  done: false,
});

function moveOf(row: PartitionRow, { batches, sent, unknown, cursor, isDone }: Step) {
  const counts = { n: row.n + batches, sent: row.sent + sent, unknown: row.unknown + unknown };
  const next = { ...counts, cursor, done: isDone };
  return { next, filter: { _id: row._id, n: row.n, done: false }, update: { $set: next } };
}

export function mongoPartitionStore(db: Db): PartitionStore {
  const rows = db.collection<PartitionRow>("partitions");
  const slots = db.collection<SlotRow>("slots");
  const insertRows = async (documents: readonly PartitionRow[]): Promise<void> => {
    if (documents.length === 0) return;
    try {
      await rows.insertMany([...documents], { ordered: false, ...LIGHT });
    } catch (error) {
      if (!isDuplicateKey(error)) throw error;
    }
  };
  return {
    async insertNew(app, announcementId, { at, isUrgent, isThrottled, isSorting = false }, partitions) {
      await insertRows(
        partitions.map((partition) => ({
          ...freshRow(app, announcementId, partition, { at, isUrgent, isThrottled: isThrottled && !isSorting }),
          ...(isSorting ? { isSorting: true as const } : {}),
        })),
      );
    },
    async insertSlices(app, announcementId, lane, slices) {
      await insertRows(
        slices.map(({ partition, moment }) => ({
          ...freshRow(app, announcementId, partition, { ...lane, at: moment }),
          _id: sliceRowId(app, announcementId, partition, moment),
          slice: moment,
        })),
      );
    },
    async addMoments({ _id }, moments) {
      await rows.updateOne({ _id }, { $addToSet: { moments: { $each: [...moments] } } });
    },
    async slices(app, announcementId) {
      const found = await rows.find({ _id: below(announcementKey(app, announcementId)) }).toArray();
      const sorting = found.filter(({ isSorting }) => isSorting);
      return {
        areSettled: sorting.every(({ done }) => done),
        all: sorting.flatMap(({ partition, moments = [] }) => moments.map((moment) => ({ partition, moment }))),
        begun: found.length - sorting.length,
      };
    },
    nextPending: (app, slot, most = 1) =>
      rows
        // Null finds the absent too; a range of the index, so what is held costs nothing.
        .find({ app, slot, done: false, held: null })
        .sort({ rank: 1, at: 1, _id: 1 })
        .limit(most)
        .toArray(),
    nextOf: (app, announcementId) =>
      rows
        .find({ _id: below(announcementKey(app, announcementId)), done: false, slot: NO_SLOT })
        .sort({ at: 1, _id: 1 })
        .limit(1)
        .next(),
    async hold(app, announcementId) {
      await rows.updateMany(
        { _id: below(announcementKey(app, announcementId)), done: false },
        { $set: { held: true } },
      );
    },
    async letGo(app, announcementId) {
      await rows.updateMany(
        { _id: below(announcementKey(app, announcementId)), held: true },
        { $unset: { held: true } },
      );
    },
    async advance(row, step) {
      const { filter, update, next } = moveOf(row, step);
      const { matchedCount } = await rows.updateOne(filter, update, LIGHT);
      return matchedCount === 1 ? { ...row, ...next } : null;
    },
    async advanceAll(moves) {
      const updates = moves.map(({ row, step }) => {
        const { filter, update } = moveOf(row, step);
        return { updateOne: { filter, update } };
      });
      const { matchedCount } = await rows.bulkWrite(updates, { ordered: false, ...LIGHT });
      return matchedCount;
    },
    async setLatecomers(app, announcementId, partition, late) {
      await rows.updateOne({ _id: partitionRowId(app, announcementId, partition) }, { $max: { late } });
    },
    async progress(app, announcementId) {
      const [sums] = await rows
        .aggregate<Progress>([
          { $match: { _id: below(announcementKey(app, announcementId)) } },
          {
            $group: {
              _id: null,
              sent: { $sum: { $add: ["$sent", { $ifNull: ["$late", 0] }] } },
              unknown: { $sum: "$unknown" },
              pending: { $sum: { $cond: ["$done", 0, 1] } },
            },
          },
          { $project: { _id: 0 } },
        ])
        .toArray();
      return sums ?? { sent: 0, unknown: 0, pending: 0 };
    },
    pendingSlots: (app, announcementId) =>
      rows.distinct("slot", { _id: below(announcementKey(app, announcementId)), done: false }),
    async acquireSlot(app, slot, holder, leaseMs) {
      const now = Date.now();
      try {
        const { matchedCount, upsertedCount } = await slots.updateOne(
          { _id: slotId(app, slot), $or: [{ leaseUntil: { $lt: now } }, { holder }] },
          { $set: { holder, leaseUntil: now + leaseMs } },
          { upsert: true, ...LIGHT },
        );
        return matchedCount + upsertedCount > 0;
      } catch (error) {
        // The row is there and held: the upsert tried to make a second one.
        if (isDuplicateKey(error)) return false;
        throw error;
      }
    },
    async releaseSlot(app, slot, holder) {
      await slots.updateOne({ _id: slotId(app, slot), holder }, { $set: { leaseUntil: 0 } }, LIGHT);
    },
    async isSlotHeld(app, slot) {
      const row = await slots.findOne({ _id: slotId(app, slot) });
      return row !== null && row.leaseUntil >= Date.now();
    },
    async ensureIndexes() {
      await rows.createIndex(
        { app: 1, slot: 1, held: 1, rank: 1, at: 1, _id: 1 },
        { partialFilterExpression: { done: false }, name: "waiting" },
      );
    },
  };
}
