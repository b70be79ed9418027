import type { Platform } from "@strata/contracts";
import { isDuplicateKey } from "@strata/runtime";
import type { Db } from "mongodb";
import { ChunkRow, type Settlement } from "../domain/chunk.ts";

export interface PushCounts {
  readonly accepted: number;
  readonly failed: number;
  readonly skipped: number;
  readonly expired: number;
  readonly unsettled: number;
  readonly ios: number;
  readonly android: number;
  readonly web: number;
}

type ByPlatform = Readonly<Record<Platform, number>>;

/** Devices by why they got no push. */
export interface PushReasons {
  readonly failedByReason: Readonly<Record<string, number>>;
  readonly skippedByPolicy: Readonly<Record<string, number>>;
  readonly failedByPlatform: ByPlatform;
  readonly skippedByPlatform: ByPlatform;
}

export interface ChunkStore {
  /** Inserts the chunks of a plan in their order; false, and nothing behind it, as soon as one is there already. */
  insertNew(rows: readonly ChunkRow[]): Promise<boolean>;
  ofPlan(planId: string): Promise<readonly ChunkRow[]>;
  /** The chunk that is due longest, now held by `holder` for `leaseMs`; null when none is due. */
  claimDue(holder: string, leaseMs: number): Promise<ChunkRow | null>;
  /** Stores what became of a send; false when somebody else has claimed the chunk meanwhile. */
  settle(chunkId: string, holder: string, settlement: Settlement): Promise<boolean>;
  /** Holds a chunk for longer. Not to be called once it is settled. */
  renew(chunkId: string, holder: string, leaseMs: number): Promise<void>;
  /** Makes an app's parked pushes due after `delayMs`; those of one credential, where it is named. */
  unpark(app: string, delayMs: number, credentialId?: string): Promise<void>;
  /** By credential, the pushes of an app that had to wait and still do. */
  waitingByCredential(app: string): Promise<ReadonlyMap<string, number>>;
  counts(app: string, announcementId: string): Promise<PushCounts>;
  /** Why pushes failed or were skipped; looks only at rows in which some did. */
  reasons(app: string, announcementId: string): Promise<PushReasons>;
  /** The rows below any of these plans' ids, or what such ids begin with, as far as they are about this user. */
  ofUser(planIds: readonly string[], userId: string): Promise<readonly ChunkRow[]>;
  /** The next chunk of an announcement, behind `after`, of whose pushes some were taken. */
  nextTaken(app: string, announcementId: string, after: string | null): Promise<ChunkRow | null>;
  /** Chunks with pushes that have to wait, and those of them that wait for a credential. */
  countPending(): Promise<{ readonly waiting: number; readonly parked: number }>;
  ensureIndexes(): Promise<void>;
}

/** A lease lost with the database's last moments is taken again: it need not wait for the disk. */
const LIGHT = { writeConcern: { w: 1 } } as const;

const WAITING_INDEX = "waiting";
const COUNTS_INDEX = "counts_by_state";
/** Of before anything was skipped, and of before what waits was counted. */
const FORMER_COUNTS_INDEXES = ["counts_by_platform", "counts_by_outcome"];

/** The entries of an array that are of one user. */
const itsOwn = (input: string, field: string, userId: string) => ({
  $filter: { input, as: "one", cond: { $eq: [`$$one.${field}`, { $literal: userId }] } },
});

/** All ids below `prefix/`: the byte after "/" is "0". */
const below = (prefix: string) => ({ $gte: `${prefix}/`, $lt: `${prefix}0` });

export function mongoChunkStore(db: Db): ChunkStore {
  const chunks = db.collection<ChunkRow>("push_chunks", { ignoreUndefined: true });
  return {
    async insertNew(rows) {
      try {
        await chunks.insertMany([...rows], { ordered: true });
        return true;
      } catch (error) {
        if (!isDuplicateKey(error)) throw error;
        return false;
      }
    },
    async ofPlan(planId) {
      const rows = await chunks
        .find({ _id: below(planId) })
        .sort({ _id: 1 })
        .toArray();
      return rows.map((row) => ChunkRow.parse(row));
    },
    async claimDue(holder, leaseMs) {
      const now = Date.now();
      const row = await chunks.findOneAndUpdate(
        { dueAt: { $gt: 0, $lte: now } },
        { $set: { holder, dueAt: now + leaseMs } },
        { sort: { dueAt: 1 }, returnDocument: "after", ...LIGHT },
      );
      return row && ChunkRow.parse(row);
    },
    async settle(_id, holder, settlement) {
      const { matchedCount } = await chunks.updateOne({ _id, holder }, { $set: settlement });
      return matchedCount === 1;
    },
    async renew(_id, holder, leaseMs) {
      await chunks.updateOne({ _id, holder }, { $set: { dueAt: Date.now() + leaseMs } }, LIGHT);
    },
    async unpark(app, delayMs, credentialId) {
      const dueAt = Date.now() + delayMs;
      const ofCredential = credentialId === undefined ? {} : { credential: credentialId };
      await chunks.updateMany(
        { app, parked: true, dueAt: { $gt: dueAt }, ...ofCredential },
        { $set: { dueAt, "pending.$[].dueAt": dueAt } },
      );
    },
    async waitingByCredential(app) {
      const sums = await chunks
        .aggregate<{ _id: string | null; n: number }>(
          [{ $match: { app, waiting: { $gt: 0 } } }, { $group: { _id: "$credential", n: { $sum: "$waiting" } } }],
          { hint: WAITING_INDEX },
        )
        .toArray();
      return new Map(sums.map(({ _id, n }) => [_id ?? "", n]));
    },
    async counts(app, announcementId) {
      const [sums] = await chunks
        .aggregate<PushCounts>(
          [
            { $match: { _id: below(`${app}/${announcementId}`) } },
            {
              $group: {
                _id: null,
                accepted: { $sum: "$accepted" },
                failed: { $sum: "$failed" },
                skipped: { $sum: "$skipped" },
                expired: { $sum: "$expired" },
                unsettled: { $sum: "$unsettled" },
                ios: { $sum: "$acceptedOn.ios" },
                android: { $sum: "$acceptedOn.android" },
                web: { $sum: "$acceptedOn.web" },
              },
            },
            { $project: { _id: 0 } },
          ],
          { hint: COUNTS_INDEX },
        )
        .toArray();
      return sums ?? { accepted: 0, failed: 0, skipped: 0, expired: 0, unsettled: 0, ios: 0, android: 0, web: 0 };
    },
    async reasons(app, announcementId) {
      const groups = await chunks
        .aggregate<ReasonGroup>(
          [
            {
              $match: {
                _id: below(`${app}/${announcementId}`),
                $or: [{ failed: { $gt: 0 } }, { skipped: { $gt: 0 } }],
              },
            },
            { $project: { outcomes: { outcome: 1, reason: 1, policy: 1, platform: 1 } } },
            { $unwind: "$outcomes" },
            { $match: { "outcomes.outcome": { $in: ["failed", "skipped"] } } },
            {
              $group: {
                _id: {
                  outcome: "$outcomes.outcome",
                  why: { $ifNull: ["$outcomes.policy", { $ifNull: ["$outcomes.reason", "unknown"] }] },
                  platform: "$outcomes.platform",
                },
                n: { $sum: 1 },
              },
            },
          ],
          { hint: COUNTS_INDEX },
        )
        .toArray();
      return {
        failedByReason: sumsBy(groups, "failed", "why"),
        skippedByPolicy: sumsBy(groups, "skipped", "why"),
        failedByPlatform: { ...NO_PLATFORM, ...sumsBy(groups, "failed", "platform") },
        skippedByPlatform: { ...NO_PLATFORM, ...sumsBy(groups, "skipped", "platform") },
      };
    },
    async ofUser(planIds, userId) {
      const rows = await chunks
        .aggregate(
          [
            {
              $match: {
                $and: [
                  { $or: planIds.map((planId) => ({ _id: below(planId) })) },
                  { $or: [{ "outcomes.user": userId }, { "pending.userId": userId }] },
                ],
              },
            },
            // A row has a thousand users: the others' need not travel.
            { $set: { outcomes: itsOwn("$outcomes", "user", userId), pending: itsOwn("$pending", "userId", userId) } },
          ],
          { hint: "_id_" },
        )
        .toArray();
      return rows.map((row) => ChunkRow.parse(row));
    },
    async nextTaken(app, announcementId, after) {
      const { $gte, $lt } = below(`${app}/${announcementId}`);
      const _id = after === null ? { $gte, $lt } : { $gt: after, $lt };
      const row = await chunks.findOne({ _id, accepted: { $gt: 0 } }, { sort: { _id: 1 } });
      return row && ChunkRow.parse(row);
    },
    async countPending() {
      const [waiting, parked] = await Promise.all([
        chunks.countDocuments({ dueAt: { $gt: 0 } }),
        chunks.countDocuments({ dueAt: { $gt: 0 }, parked: true }),
      ]);
      return { waiting, parked };
    },
    async ensureIndexes() {
      await chunks.createIndex({ dueAt: 1 }, { name: "due", partialFilterExpression: { dueAt: { $gt: 0 } } });
      await chunks.createIndex(
        { app: 1, credential: 1, waiting: 1 },
        { name: WAITING_INDEX, partialFilterExpression: { waiting: { $gt: 0 } } },
      );
      await chunks.createIndex({ purgeAt: 1 }, { name: "purge", expireAfterSeconds: 0, sparse: true });
      // Answers counts without the rows, which hold an outcome per device.
      const platforms = { "acceptedOn.ios": 1, "acceptedOn.android": 1, "acceptedOn.web": 1 } as const;
      const sums = { accepted: 1, failed: 1, skipped: 1, expired: 1, unsettled: 1, ...platforms } as const;
      await chunks.createIndex({ _id: 1, ...sums }, { name: COUNTS_INDEX });
      for (const former of FORMER_COUNTS_INDEXES) if (await chunks.indexExists(former)) await chunks.dropIndex(former);
    },
  };
}

interface ReasonGroup {
  readonly _id: { readonly outcome: string; readonly why: string; readonly platform: string };
  readonly n: number;
}

const NO_PLATFORM: ByPlatform = { ios: 0, android: 0, web: 0 };

function sumsBy(groups: readonly ReasonGroup[], outcome: string, by: "why" | "platform"): Record<string, number> {
  const sums = new Map<string, number>();
  for (const { _id, n } of groups) if (_id.outcome === outcome) sums.set(_id[by], (sums.get(_id[by]) ?? 0) + n);
  return Object.fromEntries(sums);
}
