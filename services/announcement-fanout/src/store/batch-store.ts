import { compareUserIds, partitionOf } from "@strata/contracts";
import { isDuplicateKey } from "@strata/runtime";
import type { Db, Filter } from "mongodb";
import {
  announcementKey,
  announcementOf,
  type Batch,
  batchId,
  below,
  byPartition,
  partitionRowId,
} from "../domain/batch.ts";
import type { Hidden } from "./announcement-store.ts";

/** One entry of a user's inbox. */
export interface InboxEntry {
  readonly announcementId: string;
  readonly at: number;
}

export interface Inbox {
  readonly app: string;
  readonly userId: string;
  readonly hidden: readonly Hidden[];
}

/** Batches are the inboxes: one document is the inbox entry of all its recipients. */
export interface BatchStore {
  /** Inserts what is not there yet. */
  insertNew(batches: readonly Batch[]): Promise<void>;
  /** Inserts the batches; in place of those that a worker before us stored under their ids, answers the stored ones. */
  insertOrAdopt(batches: readonly Batch[]): Promise<readonly Batch[]>;
  /** The batches of a partition from its n-th on. */
  from(app: string, announcementId: string, partition: number, n: number): Promise<readonly Batch[]>;
  /** A user's inbox without what is hidden, newest first, behind `after`; null when `after` is not in it. */
  inbox(inbox: Inbox, after: string | null, limit: number): Promise<readonly InboxEntry[] | null>;
  inboxSize(inbox: Inbox): Promise<number>;
  /** Which of these users have the announcement; `at` is when they all got it, null where that was not one moment. */
  findRecipients(app: string, announcementId: string, at: number | null, userIds: readonly string[]): Promise<string[]>;
  /** Recipients by partition, then user id, behind `after`. */
  recipients(app: string, announcementId: string, after: string | null, limit: number): Promise<readonly string[]>;
  /** How many recipients an announcement's batches have; for short lists. */
  countRecipients(app: string, announcementId: string): Promise<number>;
  ensureIndexes(): Promise<void>;
}

/** Stands for everyone in `recipients`; no user id is empty. */
const EVERYONE = "";
/** How many partitions of one announcement are looked up at once. */
const LOOKUPS = 8;

const inboxFilter = ({ app, userId, hidden }: Inbox): Filter<Batch> => ({
  app,
  partition: partitionOf(userId),
  recipients: { $in: [userId, EVERYONE] },
  at: { $lte: Date.now() },
  // Ranges of `_id`, the last field of the inbox index: what is hidden is passed over in the index.
  ...(hidden.length === 0 ? {} : { $nor: hidden.map((one) => hiddenFilter(app, one)) }),
});

const hiddenFilter = (app: string, { announcementId, after }: Hidden): Filter<Batch> => ({
  _id: below(announcementKey(app, announcementId)),
  ...(after === null ? {} : { at: { $gt: after } }),
});

export function mongoBatchStore(db: Db): BatchStore {
  const batches = db.collection<Batch>("batches");

  const behind = async (app: string, userId: string, after: string) => {
    const prefix = below(partitionRowId(app, after, partitionOf(userId)));
    const entry = await batches.findOne(
      { _id: prefix, recipients: { $in: [userId, EVERYONE] } },
      { projection: { at: 1 } },
    );
    return entry && { $or: [{ at: { $lt: entry.at } }, { at: entry.at, _id: { $gt: entry._id } }] };
  };

  return {
    async insertNew(rows) {
      if (rows.length === 0) return;
      try {
        await batches.insertMany([...rows], { ordered: false });
      } catch (error) {
        if (!isDuplicateKey(error)) throw error;
      }
    },
    async insertOrAdopt(rows) {
      if (rows.length === 0) return rows;
      try {
        await batches.insertMany([...rows], { ordered: false });
        return rows;
      } catch (error) {
        if (!isDuplicateKey(error)) throw error;
        return batches
          .find({ _id: { $in: rows.map(({ _id }) => _id) } })
          .sort({ _id: 1 })
          .toArray();
      }
    },
    from: (app, announcementId, partition, n) =>
      batches
        .find({
          _id: {
            $gte: batchId(app, announcementId, partition, n),
            $lt: below(partitionRowId(app, announcementId, partition)).$lt,
          },
        })
        .sort({ _id: 1 })
        .toArray(),
    async inbox(inbox, after, limit) {
      const from = after === null ? {} : await behind(inbox.app, inbox.userId, after);
      if (from === null) return null;
      const found = await batches
        .find({ $and: [inboxFilter(inbox), from] }, { projection: { at: 1 } })
        .sort({ at: -1, _id: 1 })
        .limit(limit)
        .toArray();
      return found.map(({ _id, at }) => ({ announcementId: announcementOf(_id), at }));
    },
    inboxSize: (inbox) => batches.countDocuments(inboxFilter(inbox)),
    async findRecipients(app, announcementId, at, userIds) {
      const groups = [...byPartition(userIds)];
      const found: string[] = [];
      // A few partitions at a time: one slow lookup does not hold the others up, and the pool is not emptied.
      for (let first = 0; first < groups.length; first += LOOKUPS) {
        const pages = groups.slice(first, first + LOOKUPS).map(async ([partition, members]) => {
          const prefix = partitionRowId(app, announcementId, partition);
          const when = at === null ? {} : { at };
          const match = { app, partition, ...when, recipients: { $in: [...members] }, _id: below(prefix) };
          const matched = await batches
            .aggregate<{ members: string[] }>([
              { $match: match },
              { $project: { members: { $setIntersection: ["$recipients", [...members]] } } },
            ])
            .toArray();
          return matched.flatMap((row) => row.members);
        });
        found.push(...(await Promise.all(pages)).flat());
      }
      return found;
    },
    async recipients(app, announcementId, after, limit) {
      const all = below(announcementKey(app, announcementId));
      const from = after === null ? all.$gte : `${partitionRowId(app, announcementId, partitionOf(after))}/`;
      const found: string[] = [];
      const cursor = batches
        .find({ _id: { $gte: from, $lt: all.$lt } }, { projection: { partition: 1, recipients: 1 } })
        .sort({ _id: 1 })
        .batchSize(2);
      for await (const { partition, recipients } of cursor) {
        const isCut = after !== null && partition === partitionOf(after);
        found.push(...(isCut ? recipients.filter((userId) => compareUserIds(userId, after) > 0) : recipients));
        if (found.length >= limit) break;
      }
      return found.slice(0, limit);
    },
    async countRecipients(app, announcementId) {
      const [total] = await batches
        .aggregate<{ count: number }>([
          { $match: { _id: below(announcementKey(app, announcementId)) } },
          { $group: { _id: null, count: { $sum: { $size: "$recipients" } } } },
        ])
        .toArray();
      return total?.count ?? 0;
    },
    async ensureIndexes() {
      await batches.createIndex({ app: 1, partition: 1, recipients: 1, at: -1, _id: 1 });
    },
  };
}
