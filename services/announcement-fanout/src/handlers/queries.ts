import {
  type GetAnnouncement,
  type GetAnnouncementContent,
  type GetInboxEntries,
  type InboxKey,
  type ListInbox,
  type PayloadOf,
  type ReplyOf,
} from "@strata/contracts";
import { type Handler, reply } from "@strata/messaging";
import { announcementKey } from "../domain/batch.ts";
import { announcementFrom, contentFrom, type Header, isTakenBack, personalTerms } from "../domain/header.ts";
import type { AnnouncementStore } from "../store/announcement-store.ts";
import type { BatchStore, Inbox } from "../store/batch-store.ts";
import type { PartitionStore } from "../store/partition-store.ts";
import type { RecipientStore } from "../store/recipient-store.ts";
import { progressOf } from "./progress.ts";

interface Deps {
  readonly announcements: AnnouncementStore;
  readonly batches: BatchStore;
  readonly partitions: PartitionStore;
  readonly recipients: RecipientStore;
}

type Answers<C> = Handler<PayloadOf<C>, ReplyOf<C>>;

/** State and counts. */
export const getAnnouncement =
  ({ announcements, ...deps }: Omit<Deps, "batches">): Answers<typeof GetAnnouncement> =>
  async ({ app, payload }) => {
    const header = await announcements.find(app, payload.announcementId);
    return reply({ progress: header && (await progressOf(deps, header)) });
  };

export const getAnnouncementContent =
  ({ announcements }: Pick<Deps, "announcements">): Answers<typeof GetAnnouncementContent> =>
  async ({ app, payload }) => {
    const header = await announcements.find(app, payload.announcementId);
    const isTold = header !== null && isShown(header);
    return reply({ content: isTold ? { ...contentFrom(header), ...personalTerms(header) } : null });
  };

/** Not what was recalled, or is over: nothing of it is pushed any more. */
const isShown = (header: Header): boolean =>
  !isTakenBack(header) && (header.expiresAt ?? Number.POSITIVE_INFINITY) > Date.now();

export const listInbox =
  ({ announcements, batches }: Pick<Deps, "announcements" | "batches">): Answers<typeof ListInbox> =>
  async ({ app, payload }) => {
    const { userId, after, limit, since, knownSince = null, without = [] } = payload;
    const whole = { app, userId, knownSince, since, without: new Set(without), hidden: [] };
    const pageOf = (inbox: Inbox) => Promise.all([batches.inbox(inbox, after, limit), batches.inboxSize(inbox)]);
    // Mostly nothing is hidden: then the page is there when that is known.
    const [hidden, [found, size]] = await Promise.all([announcements.hidden(app), pageOf(whole)]);
    const [entries, total] = hidden.length === 0 ? [found, size] : await pageOf({ ...whole, hidden });
    if (entries === null) return reply({ entries: null, total });
    return reply({ entries: await inboxViewsOf(announcements, app, entries), total });
  };

export const getInboxEntries =
  ({ announcements }: Pick<Deps, "announcements">): Answers<typeof GetInboxEntries> =>
  async ({ app, payload: { keys } }) =>
    reply({ entries: await inboxViewsOf(announcements, app, keys) });

type Told = Pick<AnnouncementStore, "findTold">;

/** What a user reads of announcements in her inbox, without those that were taken back. */
export async function inboxViewsOf(announcements: Told, app: string, keys: readonly InboxKey[]) {
  const headers = await announcements.findTold(keys.map((key) => announcementKey(app, key.announcementId)));
  return keys.flatMap(({ announcementId, at }) => {
    const header = headers.get(announcementKey(app, announcementId));
    // A worker that stood still for minutes may have put it there behind its end.
    return header && !isTakenBack(header) ? [inboxView(header, at)] : [];
  });
}

/** A user is not told who else got it, nor what others' pushes said; `at` is when she got it. */
const inboxView = (header: Header, at: number) => ({
  ...announcementFrom(header),
  at,
  recipients: null,
  notification: null,
  variants: header.variants.map((variant) => ({ ...variant, notification: null })),
});
