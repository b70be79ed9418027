import { randomUUID } from "node:crypto";
import type { AnnouncementReceiptKind, UnreadCounts } from "@strata/contracts";
import type { Dependency } from "@strata/runtime";
import type { Inboxes } from "./inbox.ts";
import { receiptKey } from "./domain/receipt-key.ts";
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
 * user has read, deleted or lost since, which a count no longer remembers: it only makes the next reader count again.
 */
export const FRESH_MS = 5 * 60_000;

/** What a user has not read, with its version. While Redis is away it is counted each time. */
export async function unreadOf(deps: UnreadDeps, reader: Reader): Promise<UnreadCounts & { readonly version: number }> {
  const opened = await open(deps, reader);
  const [messages, announcements] = await Promise.all([
    deps.inboxes.unreadMessages(reader.app, reader.userId),
    opened.count ?? countAndKeep(deps, reader, opened),
  ]);
  return { announcements, ...messages, version: opened.version };
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
export async function countAnnouncements(
  { inboxes, receipts }: Pick<UnreadDeps, "inboxes" | "receipts">,
  { app, userId }: Reader,
  since: number | null = null,
): Promise<Counted> {
  const freshSince = Date.now() - FRESH_MS;
  const unread: string[] = [];
  const read: string[] = [];
  for await (const keys of inboxes.keys(app, userId, since)) {
    const done = await doneAmong(receipts, { app, userId }, keys);
    for (const { announcementId, at } of keys) {
      if (!done.has(announcementId)) unread.push(announcementId);
      else if (at >= freshSince) read.push(announcementId);
    }
  }
  return { unread, read };
}

/** What ends being unread: that she has read it, or deleted it for herself. */
const ENDS = ["read", "deleted"] as const;

export const endsUnread = (kind: AnnouncementReceiptKind): boolean => ENDS.some((end) => end === kind);

/** Which of these a user has read or deleted, by exact keys in one query. */
export async function doneAmong(
  receipts: ReceiptStore,
  { app, userId }: Reader,
  keys: readonly { readonly announcementId: string }[],
): Promise<ReadonlySet<string>> {
  const keysOf = (announcementId: string) => ENDS.map((kind) => receiptKey(app, announcementId, kind, userId));
  const stored = await receipts.find(keys.flatMap(({ announcementId }) => keysOf(announcementId)));
  const done = keys.filter(({ announcementId }) => keysOf(announcementId).some((key) => stored.has(key)));
  return new Set(done.map(({ announcementId }) => announcementId));
}
