import { type AnnouncementReceiptKind, partitionKey, partitionOf } from "@strata/contracts";

/** Keys strictly between two strings. */
export interface KeyRange {
  readonly after: string;
  readonly before: string;
}

/** Keys from one to another, both of them included. */
export interface KeySpan {
  readonly first: string;
  readonly last: string;
}

/** One partition of one announcement: the unit of counting. */
export interface CountKey {
  readonly app: string;
  readonly announcementId: string;
  readonly partition: number;
}

const KIND = {
  delivered: "d",
  read: "r",
  opened: "o",
  deleted: "x",
} as const satisfies Record<AnnouncementReceiptKind, string>;

/** The byte behind "/": everything below a path sorts before it, whatever characters an id begins with. */
const BEHIND_SLASH = "0";

/** All keys below a path. */
export const below = (path: string): KeyRange => ({ after: `${path}/`, before: `${path}${BEHIND_SLASH}` });
/** What all receipts of one announcement begin with; the letter of their kind comes behind it. */
export const announcementPath = ({ app, announcementId }: Pick<CountKey, "app" | "announcementId">): string =>
  `${app}/${announcementId}/`;
export const kindLetter = (kind: AnnouncementReceiptKind): string => KIND[kind];
const kindPath = (app: string, announcementId: string, kind: AnnouncementReceiptKind): string =>
  `${announcementPath({ app, announcementId })}${KIND[kind]}`;

/** A receipt's `_id`. The user id comes last, so that it may hold any character; it decides the order of a range. */
export const receiptKey = (
  app: string,
  announcementId: string,
  kind: AnnouncementReceiptKind,
  userId: string,
): string => receiptKeyIn(partitionOf(userId), app, announcementId, kind, userId);

/** The same where the user's partition is known. */
export const receiptKeyIn = (
  partition: number,
  app: string,
  announcementId: string,
  kind: AnnouncementReceiptKind,
  userId: string,
): string => `${kindPath(app, announcementId, kind)}/${partitionKey(partition)}/${userId}`;

/** The app and the announcement that a receipt's `_id` begins with, and the user that it ends with. */
export const appOf = (key: string): string => key.slice(0, key.indexOf("/"));
export const announcementOf = (key: string): string => key.split("/", 2)[1] ?? "";
export const userOf = (key: string): string => key.split("/").slice(4).join("/");

/** `<app>/<partition>/<user>`: what names a user's inbox. */
export const inboxKey = (app: string, userId: string): string =>
  `${app}/${partitionKey(partitionOf(userId))}/${userId}`;

/** All receipts of one kind, by partition, then user id; those behind a user where given. */
export function receiptRange(
  app: string,
  announcementId: string,
  kind: AnnouncementReceiptKind,
  afterUser: string | null,
): KeyRange {
  const all = below(kindPath(app, announcementId, kind));
  return afterUser === null ? all : { ...all, after: receiptKey(app, announcementId, kind, afterUser) };
}

/** The receipts of one kind that count towards one row of counts. */
export const partitionRange = ({ app, announcementId, partition }: CountKey, kind: AnnouncementReceiptKind): KeyRange =>
  below(`${kindPath(app, announcementId, kind)}/${partitionKey(partition)}`);

/** The `_id` of a row of counts. */
export const countKey = ({ app, announcementId, partition }: CountKey): string =>
  `${app}/${announcementId}/${partitionKey(partition)}`;

/** All rows of counts of one announcement. */
export const countRange = (app: string, announcementId: string): KeyRange => below(`${app}/${announcementId}`);

export function parseCountKey(key: string): CountKey {
  const [app, announcementId, partition] = key.split("/");
  if (app === undefined || announcementId === undefined || partition === undefined) {
    throw new Error(`not the key of a row of counts: ${key}`);
  }
  return { app, announcementId, partition: Number(partition) };
}
