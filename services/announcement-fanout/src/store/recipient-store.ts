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
          return Promise.all([
            findIn(batches, announced, partition, members, byIndex),
            findIn(rosters, announced, partition, members, {}),
          ]);
        });
        found.push(...(await Promise.all(pages)).flat(2));
      }
      return [...new Set(found)];
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
        const sequences = range.flatMap((_id) => [batches, rosters].map((one) => recipientsIn(one, _id, behind)));
        for await (const { userId } of mergeSorted(sequences, compare)) {
          found.push(userId);
          if (found.length >= limit) return found;
        }
      }
      return found;
    },
  };
}

async function* recipientsIn(
  collection: Collection<Batch>,
  _id: { readonly $gte: string; readonly $lt: string },
  behind: Recipient | null,
): AsyncGenerator<Recipient> {
  const cursor = collection
    .find({ _id }, { projection: { partition: 1, recipients: 1 } })
    .sort({ _id: 1 })
    .batchSize(2);
  for await (const { partition, recipients } of cursor) {
    for (const userId of recipients) {
      const recipient = { partition, userId };
      if (userId !== EVERYONE && (behind === null || compare(recipient, behind) > 0)) yield recipient;
    }
  }
}

async function findIn(
  collection: Collection<Batch>,
  { app, announcementId }: Announced,
  partition: number,
  members: readonly string[],
  byIndex: object,
): Promise<readonly string[]> {
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
