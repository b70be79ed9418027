import {
  type FindRecipients,
  type GetAnnouncement,
  type GetAnnouncementContent,
  type ListInbox,
  type ListRecipients,
  type PayloadOf,
  type ReplyOf,
} from "@strata/contracts";
import { type Handler, reply } from "@strata/messaging";
import { announcementKey } from "../domain/batch.ts";
import { announcementFrom, contentFrom, type Header, isAtOneMoment, sentAtOf } from "../domain/header.ts";
import type { AnnouncementStore } from "../store/announcement-store.ts";
import type { BatchStore } from "../store/batch-store.ts";
import type { PartitionStore } from "../store/partition-store.ts";
import { progressOf } from "./progress.ts";

interface Deps {
  readonly announcements: AnnouncementStore;
  readonly batches: BatchStore;
  readonly partitions: PartitionStore;
}

type Answers<C> = Handler<PayloadOf<C>, ReplyOf<C>>;

/** State and counts. */
export const getAnnouncement =
  ({ announcements, batches, partitions }: Deps): Answers<typeof GetAnnouncement> =>
  async ({ app, payload }) => {
    const header = await announcements.find(app, payload.announcementId);
    return reply({ progress: header && (await progressOf({ batches, partitions }, header)) });
  };

export const getAnnouncementContent =
  ({ announcements }: Pick<Deps, "announcements">): Answers<typeof GetAnnouncementContent> =>
  async ({ app, payload }) => {
    const header = await announcements.find(app, payload.announcementId);
    return reply({ content: header && contentFrom(header) });
  };

export const listInbox =
  ({ announcements, batches }: Pick<Deps, "announcements" | "batches">): Answers<typeof ListInbox> =>
  async ({ app, payload }) => {
    const { userId, after, limit } = payload;
    const inbox = { app, userId, hidden: await announcements.hidden(app) };
    const [entries, total] = await Promise.all([batches.inbox(inbox, after, limit), batches.inboxSize(inbox)]);
    if (entries === null) return reply({ entries: null, total });
    const headers = await announcements.findMany(entries.map((entry) => announcementKey(app, entry.announcementId)));
    const listed = entries.flatMap(({ announcementId, at }) => {
      const header = headers.get(announcementKey(app, announcementId));
      return header ? [inboxView(header, at)] : [];
    });
    return reply({ entries: listed, total });
  };

/** When all recipients got it; null where that was not one moment. */
const momentOf = (header: Header): number | null => (isAtOneMoment(header) ? sentAtOf(header) : null);

/** A user is not told who else got it, nor what others' pushes said; `at` is when she got it. */
const inboxView = (header: Header, at: number) => ({
  ...announcementFrom(header),
  at,
  recipients: null,
  notification: null,
});

export const findRecipients =
  ({ announcements, batches }: Pick<Deps, "announcements" | "batches">): Answers<typeof FindRecipients> =>
  async ({ app, payload }) => {
    const headers = await announcements.findMany(
      payload.checks.map((check) => announcementKey(app, check.announcementId)),
    );
    const found = await Promise.all(
      payload.checks.map(async ({ announcementId, userIds }) => {
        const header = headers.get(announcementKey(app, announcementId));
        const members = header ? await batches.findRecipients(app, announcementId, momentOf(header), userIds) : [];
        return { announcementId, userIds: members };
      }),
    );
    return reply({ found });
  };

export const listRecipients =
  ({ announcements, batches }: Pick<Deps, "announcements" | "batches">): Answers<typeof ListRecipients> =>
  async ({ app, payload }) => {
    const { announcementId, after, limit } = payload;
    const header = await announcements.find(app, announcementId);
    if (!header) return reply({ userIds: null });
    return reply({ userIds: [...(await batches.recipients(app, announcementId, after, limit))] });
  };
