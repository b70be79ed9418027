import { compareUserIds, partitionKey, partitionOf, SLOTS } from "@strata/contracts";

/** One batch of an announcement: at most 1,000 recipients of one partition, and the inbox entry of each of them. */
export interface Batch {
  readonly _id: string;
  readonly app: string;
  readonly partition: number;
  /** When it is in the inbox; milliseconds since 1970. */
  readonly at: number;
  /** Ascending in `compareUserIds`. */
  readonly recipients: readonly string[];
}

/** The most that one batch has. */
export const RECIPIENTS_PER_BATCH = 1_000;

/** Where in a long list a batch begins. */
export interface Cursor {
  readonly chunk: number;
  readonly offset: number;
}

/** Where the next batch of a partition begins: unless it says otherwise, chunk n is batch n. */
export const cursorOf = (row: { readonly n: number; readonly cursor?: Cursor | null }): Cursor =>
  row.cursor ?? { chunk: row.n, offset: 0 };

/** All recipients of one announcement get it at the same moment, so there is one slice. */
const SLICE = 0;

const sixDigits = (n: number): string => String(n).padStart(6, "0");

/** `<app>/<announcement>`: what every id of an announcement begins with. */
export const announcementKey = (app: string, announcementId: string): string => `${app}/${announcementId}`;

/** `<app>/<announcement>/<partition>` */
export const partitionRowId = (app: string, announcementId: string, partition: number): string =>
  `${announcementKey(app, announcementId)}/${partitionKey(partition)}`;

/** `<app>/<announcement>/<partition>/<slice>/<n>`, zero-padded so that ids sort as numbers do. */
export const batchId = (app: string, announcementId: string, partition: number, n: number): string =>
  `${partitionRowId(app, announcementId, partition)}/${SLICE}/${sixDigits(n)}`;

export const chunkId = (app: string, announcementId: string, partition: number, chunk: number): string =>
  `${partitionRowId(app, announcementId, partition)}/${sixDigits(chunk)}`;

/** The announcement that a batch, chunk or partition row belongs to. */
export const announcementOf = (id: string): string => id.split("/")[1] ?? "";

/** All ids below `prefix/`: the byte after "/" is "0", so this is a range without guessing at a highest character. */
export const below = (prefix: string): { readonly $gte: string; readonly $lt: string } => ({
  $gte: `${prefix}/`,
  $lt: `${prefix}0`,
});

export const slotOf = (partition: number): number => partition % SLOTS;

/** Recipients by partition, each list ascending. */
export function byPartition(userIds: readonly string[]): ReadonlyMap<number, readonly string[]> {
  const groups = Map.groupBy(userIds, partitionOf);
  for (const group of groups.values()) group.sort(compareUserIds);
  return groups;
}

/** The batches of a short list: one for each partition that has recipients. */
export const batchesOfFew = (
  app: string,
  announcementId: string,
  at: number,
  recipients: readonly string[],
): readonly Batch[] =>
  [...byPartition(recipients)].map(([partition, members]) => ({
    _id: batchId(app, announcementId, partition, 0),
    app,
    partition,
    at,
    recipients: members,
  }));
