import { randomUUID } from "node:crypto";
import {
  type AnnouncementReceiptKind,
  ENDED_TOLD_MS,
  type InboxKey,
  partitionOf,
  type UnreadCounts,
} from "@strata/contracts";
import type { Dependency } from "@strata/runtime";
import type { Inboxes } from "./inbox.ts";
import { receiptKeyIn } from "./domain/receipt-key.ts";
import type { ReceiptStore } from "./store/receipt-store.ts";
import type { Counted, Reader, UnreadStore } from "./store/unread-store.ts";

export interface UnreadDeps {
  readonly receipts: ReceiptStore;
  readonly inboxes: Inboxes;
  readonly unread: UnreadStore;
  readonly redis: Dependency;
}

/**
 * How long after its time the event of an announcement still counts by itself. An older one may be of something that the
 * user has read or deleted since, or that was recalled, which a count no longer remembers: it only makes the next reader
 * count again. What was taken back meanwhile is still told of by then.
 */
export const FRESH_MS = ENDED_TOLD_MS / 2;

/** What a user has not read, with its version. While Redis is away it is counted each time. */
export async function unreadOf(deps: UnreadDeps, reader: Reader): Promise<UnreadCounts & { readonly version: number }> {
  const opened = await open(deps, reader);
  const [messages, announcements] = await Promise.all([
    deps.inboxes.unreadMessages(reader.app, reader.userId),
    opened.count ?? countAndKeep(deps, reader, opened),
  ]);
  return { announcements, ...messages, version: opened.version };
}

/** Her announcements alone; counted, and kept, where no count is. */
export async function unreadAnnouncements(deps: UnreadDeps, reader: Reader): Promise<number> {
  const opened = await open(deps, reader);
  return opened.count ?? countAndKeep(deps, reader, opened);
}

async function open({ unread, redis }: UnreadDeps, reader: Reader) {
  try {
    return await unread.open(reader, randomUUID());
  } catch (error) {
    if (!redis.isDown(error)) throw error;
    return { count: null, version: Date.now() * 1_000, token: "", generation: "" };
  }
}

async function countAndKeep(deps: UnreadDeps, reader: Reader, opened: Awaited<ReturnType<typeof open>>) {
  const counted = await countAnnouncements(deps, reader);
  try {
    if (opened.token !== "") await deps.unread.keep(reader, opened, counted);
  } catch (error) {
    if (!deps.redis.isDown(error)) throw error;
  }
  return counted.unread.length;
}

/** Counts from the inbox and the receipts: the truth that the number in Redis is a copy of. */
export async function countAnnouncements(deps: WalkDeps, reader: Reader): Promise<Counted> {
  const freshSince = Date.now() - FRESH_MS;
  const unread: string[] = [];
  const read: string[] = [];
  // What was taken back counts as read: its batches' events may still come.
  const ended = new Set<string>();
  for await (const page of deps.inboxes.pages(reader.app, reader.userId, null)) {
    for (const announcementId of page.ended) ended.add(announcementId);
    for (const { announcementId, at, isUnread } of await itemsOf(deps.receipts, reader, page.keys)) {
      if (isUnread) unread.push(announcementId);
      else if (at >= freshSince) read.push(announcementId);
    }
  }
  return { unread: unread.filter((announcementId) => !ended.has(announcementId)), read: [...read, ...ended] };
}

export type WalkDeps = Pick<UnreadDeps, "inboxes" | "receipts">;

/** One announcement of an inbox, with what its owner has done to it. */
export interface InboxItem extends InboxKey {
  /** She has neither read it nor deleted it for herself. */
  readonly isUnread: boolean;
  readonly isDeleted: boolean;
}

/** All of an inbox that came after `since`, newest first, what she has deleted for herself included. */
export async function* walkInbox(
  { inboxes, receipts }: WalkDeps,
  { app, userId }: Reader,
  since: number | null,
): AsyncGenerator<InboxItem> {
  for await (const { keys } of inboxes.pages(app, userId, since)) yield* await itemsOf(receipts, { app, userId }, keys);
}

/** What ends being unread: that she has read it, or deleted it for herself. */
const ENDS = ["read", "deleted"] as const;

export const endsUnread = (kind: AnnouncementReceiptKind): boolean => ENDS.some((end) => end === kind);

/** What one announcement's receipts that end it are named, of a user of this partition. */
export const endKeys = (partition: number, app: string, announcementId: string, userId: string): readonly string[] =>
  ENDS.map((kind) => receiptKeyIn(partition, app, announcementId, kind, userId));

/** What a user has done to these, by exact keys in one query. */
export async function itemsOf(
  receipts: ReceiptStore,
  { app, userId }: Reader,
  keys: readonly InboxKey[],
): Promise<readonly InboxItem[]> {
  const partition = partitionOf(userId);
  const endsOf = ({ announcementId }: InboxKey) => endKeys(partition, app, announcementId, userId);
  const stored = await receipts.existing(keys.flatMap(endsOf));
  return keys.map((key) => ({
    ...key,
    isUnread: !endsOf(key).some((end) => stored.has(end)),
    isDeleted: stored.has(receiptKeyIn(partition, app, key.announcementId, "deleted", userId)),
  }));
}
