import { compareUserIds, partitionOf } from "@strata/contracts";
import type { Collection, Db } from "mongodb";
import {
  ALL_PARTITIONS,
  announcementKey,
  type Batch,
  below,
  byPartition,
  EVERYONE,
  partitionRowId,
  slicePrefix,
} from "../domain/batch.ts";
import { mergeSorted } from "../domain/merge-sorted.ts";
import { ROSTERS } from "./roster-store.ts";

/** Which announcement, and what is known of where its batches are. */
export interface Announced {
  readonly app: string;
  readonly announcementId: string;
  /** When all of its recipients got it; null where that was not one moment. */
  readonly at: number | null;
  readonly slices: readonly number[];
}

/** Who has an announcement: in the inboxes, and in the rosters of what is in every inbox or in none any more. */
export interface RecipientStore {
  /** Which of these users have it. */
  find(announced: Announced, userIds: readonly string[]): Promise<readonly string[]>;
  /** Recipients by partition, then user id, behind `after`. */
  list(announced: Announced, after: string | null, limit: number): Promise<readonly string[]>;
  /** How many there are; for short lists. */
  count(app: string, announcementId: string): Promise<number>;
}

/** How many partitions of one announcement are looked up at once. */
const LOOKUPS = 8;

interface Recipient {
  readonly partition: number;
  readonly userId: string;
}

const compare = (one: Recipient, other: Recipient): number =>
  one.partition - other.partition || compareUserIds(one.userId, other.userId);

export function mongoRecipientStore(db: Db): RecipientStore {
  const batches = db.collection<Batch>("batches");
  const rosters = db.collection<Batch>(ROSTERS);

  return {
    async find(announced, userIds) {
      const { app, at } = announced;
      const groups = [...byPartition(userIds)];
      const found: string[] = [];
      // A few partitions at a time: one slow lookup does not hold the others up, and the pool is not emptied.
      for (let first = 0; first < groups.length; first += LOOKUPS) {
        const pages = groups.slice(first, first + LOOKUPS).map(async ([partition, members]) => {
          const byIndex = { app, partition, ...(at === null ? {} : { at }) };
          const inInboxes = await findIn(batches, announced, partition, members, byIndex);
          // Behind the inboxes, never beside them: what moves meanwhile is in one of both answers, or in both.
          const others = withoutThese(members, inInboxes);
          return inInboxes.concat(await findIn(rosters, announced, partition, others, {}));
        });
        found.push(...(await Promise.all(pages)).flat());
      }
      return [...new Set(found)];
    },
    async count(app, announcementId) {
      const $match = { _id: below(announcementKey(app, announcementId)) };
      const [total] = await batches
        .aggregate<{ count: number }>([
          { $match },
          // Behind the inboxes as above; what is in both counts once.
          { $unionWith: { coll: ROSTERS, pipeline: [{ $match }] } },
          { $group: { _id: "$_id", size: { $max: { $size: "$recipients" } } } },
          { $group: { _id: null, count: { $sum: "$size" } } },
        ])
        .toArray();
      return total?.count ?? 0;
    },
    async list({ app, announcementId, slices }, after, limit) {
      const all = below(announcementKey(app, announcementId));
      const first = after === null ? 0 : partitionOf(after);
      // One slice is in order all along; several are so within each partition only.
      const ranges =
        slices.length === 1
          ? [[{ $gte: `${partitionRowId(app, announcementId, first)}/`, $lt: all.$lt }]]
          : ALL_PARTITIONS.slice(first).map((partition) =>
              slices.map((slice) => below(slicePrefix(app, announcementId, partition, slice))),
            );
      const behind = after === null ? null : { partition: first, userId: after };
      const found: string[] = [];
      for (const range of ranges) {
        const sequences = range.map((_id) => recipientsIn([batches, rosters], _id, behind));
        for await (const { userId } of mergeSorted(sequences, compare)) {
          found.push(userId);
          if (found.length >= limit) return found;
        }
      }
      return found;
    },
  };
}

/** Documents read at once from each collection. */
const PAGE = 4;

async function* recipientsIn(
  collections: readonly Collection<Batch>[],
  range: { readonly $gte: string; readonly $lt: string },
  behind: Recipient | null,
): AsyncGenerator<Recipient> {
  for await (const { partition, recipients } of documentsIn(collections, range)) {
    for (const userId of recipients) {
      const recipient = { partition, userId };
      if (behind === null || compare(recipient, behind) > 0) yield recipient;
    }
  }
}

/**
 * The documents of several collections in the order of their ids, each id once. Each page is read from one collection
 * after the other, and none is gone further than all were read, so that what moves from the first to the second meanwhile
 * is met all the same.
 */
async function* documentsIn(
  collections: readonly Collection<Batch>[],
  range: { readonly $gte: string; readonly $lt: string },
): AsyncGenerator<Batch> {
  for (let from: object = { $gte: range.$gte }; ;) {
    const pages: (readonly Batch[])[] = [];
    for (const collection of collections) {
      const page = collection.find(
        { _id: { ...from, $lt: range.$lt } },
        { projection: { partition: 1, recipients: 1 } },
      );
      pages.push(await page.sort({ _id: 1 }).limit(PAGE).toArray());
    }
    const ends = pages.filter((page) => page.length === PAGE).map((page) => page.at(-1)?._id ?? "");
    const end = ends.length === 0 ? null : ends.reduce((least, id) => (compareUserIds(id, least) < 0 ? id : least));
    const documents = new Map<string, Batch>();
    for (const document of pages.flat()) {
      if (document.recipients[0] !== EVERYONE && (end === null || compareUserIds(document._id, end) <= 0)) {
        documents.set(document._id, document);
      }
    }
    yield* [...documents.values()].toSorted((one, other) => compareUserIds(one._id, other._id));
    if (end === null) return;
    from = { $gt: end };
  }
}

function withoutThese(members: readonly string[], found: readonly string[]): readonly string[] {
  if (found.length === 0) return members;
  const known = new Set(found);
  return members.filter((userId) => !known.has(userId));
}

async function findIn(
  collection: Collection<Batch>,
  { app, announcementId }: Announced,
  partition: number,
  members: readonly string[],
  byIndex: object,
): Promise<readonly string[]> {
  if (members.length === 0) return [];
  const match = {
    ...byIndex,
    recipients: { $in: [...members] },
    _id: below(partitionRowId(app, announcementId, partition)),
  };
  const found = await collection
    .aggregate<{ members: string[] }>([
      { $match: match },
      { $project: { members: { $setIntersection: ["$recipients", [...members]] } } },
    ])
    .toArray();
  return found.flatMap((row) => row.members);
}
