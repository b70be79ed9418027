import { compareUserIds, partitionKey, partitionOf, PARTITIONS, SLOTS } from "@strata/contracts";

/** One batch of an announcement: at most 1,000 recipients of one partition, and the inbox entry of each of them. */
export interface Batch {
  readonly _id: string;
  readonly app: string;
  readonly partition: number;
  /** When it is in the inbox; milliseconds since 1970. */
  readonly at: number;
  /** Ascending in `compareUserIds`; or EVERYONE alone. */
  readonly recipients: readonly string[];
  /** For everyone: who became known after it has no part in it. */
  readonly cutoff?: number;
}

/** The most that one batch has. */
export const RECIPIENTS_PER_BATCH = 1_000;

/** Stands for everyone in `recipients`; no user id is empty. */
export const EVERYONE = "";

export const ALL_PARTITIONS: readonly number[] = Array.from({ length: PARTITIONS }, (_, partition) => partition);

/** Where in a long list a batch begins. */
interface ListCursor {
  readonly chunk: number;
  readonly offset: number;
}

/** Behind whom the next batch of an audience begins. */
interface AudienceCursor {
  readonly after: string;
}

export type Cursor = ListCursor | AudienceCursor;

interface CursorOwner {
  readonly n: number;
  readonly cursor?: Cursor | null;
}

/** Where the next batch of a long list's partition begins: unless it says otherwise, chunk n is batch n. */
export const cursorOf = ({ n, cursor }: CursorOwner): ListCursor =>
  cursor && "chunk" in cursor ? cursor : { chunk: n, offset: 0 };

/** Behind whom the next batch of an audience's partition begins; null: with the first. */
export const afterOf = ({ cursor }: CursorOwner): string | null => (cursor && "after" in cursor ? cursor.after : null);

/** Of those who get an announcement when it is sent. By local time the slices are the moments at which it is that time. */
export const SLICE = 0;
/** Of those who came later; each of them has a batch of her own. */
const LATECOMERS = 1;

const sixDigits = (n: number): string => String(n).padStart(6, "0");

/** `<app>/<announcement>`: what every id of an announcement begins with. */
export const announcementKey = (app: string, announcementId: string): string => `${app}/${announcementId}`;

/** `<app>/<announcement>/<partition>` */
export const partitionRowId = (app: string, announcementId: string, partition: number): string =>
  `${announcementKey(app, announcementId)}/${partitionKey(partition)}`;

/** `<app>/<announcement>/<partition>/<slice>/<n>`, zero-padded so that ids sort as numbers do. */
export const batchId = (app: string, announcementId: string, partition: number, n: number, slice = SLICE): string =>
  `${partitionRowId(app, announcementId, partition)}/${slice}/${sixDigits(n)}`;

/** `<app>/<announcement>/<partition>/<slice>`: the row of those who get it at that moment. */
export const sliceRowId = (app: string, announcementId: string, partition: number, moment: number): string =>
  slicePrefix(app, announcementId, partition, moment);

/** As `batchId`, of the batch of one who came later: her own id is its number, so nobody is a latecomer twice. */
export const latecomerId = (app: string, announcementId: string, partition: number, userId: string): string =>
  `${latecomersPrefix(app, announcementId, partition)}/${userId}`;

/** What the batches of a partition's latecomers are below. */
export const latecomersPrefix = (app: string, announcementId: string, partition: number): string =>
  slicePrefix(app, announcementId, partition, LATECOMERS);

/** `<app>/<announcement>/<partition>/<slice>`; the recipients below it ascend. */
export const slicePrefix = (app: string, announcementId: string, partition: number, slice: number): string =>
  `${partitionRowId(app, announcementId, partition)}/${slice}`;

/** The slices that an announcement's batches may be in. */
export function slicesOf({
  includeNewUsersUntil,
  moments,
}: {
  readonly includeNewUsersUntil: number | null;
  readonly moments: readonly number[];
}): readonly number[] {
  if (moments.length > 0) return moments;
  return includeNewUsersUntil === null ? [SLICE] : [SLICE, LATECOMERS];
}

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

/** What puts an announcement into all inboxes of an app: one document for each partition. */
export const batchesOfEveryone = (app: string, announcementId: string, at: number, cutoff: number): readonly Batch[] =>
  ALL_PARTITIONS.map((partition) => ({
    _id: batchId(app, announcementId, partition, 0),
    app,
    partition,
    at,
    recipients: [EVERYONE],
    cutoff,
  }));
