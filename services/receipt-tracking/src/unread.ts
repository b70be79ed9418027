import { randomUUID } from "node:crypto";
import type { UnreadCounts } from "@strata/contracts";
import type { Dependency } from "@strata/runtime";
import type { Inboxes } from "./inbox.ts";
import { recipientStates } from "./recipient-states.ts";
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
    const states = await recipientStates(
      receipts,
      app,
      keys.map(({ announcementId }) => ({ announcementId, userId })),
    );
    for (const [index, { announcementId, at }] of keys.entries()) {
      if (states[index]?.status !== "read") unread.push(announcementId);
      else if (at >= freshSince) read.push(announcementId);
    }
  }
  return { unread, read };
}
