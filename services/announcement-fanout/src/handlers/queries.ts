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
import { announcementFrom, type AnnouncementStore, contentFrom, type Header } from "../store/announcement-store.ts";
import type { BatchStore } from "../store/batch-store.ts";
import type { PartitionStore } from "../store/partition-store.ts";

interface Deps {
  readonly announcements: AnnouncementStore;
  readonly batches: BatchStore;
  readonly partitions: PartitionStore;
}

type Answers<C> = Handler<PayloadOf<C>, ReplyOf<C>>;

/** State and counts. Long lists keep count in their partitions' rows; short ones are counted from their batches. */
export const getAnnouncement =
  ({ announcements, batches, partitions }: Deps): Answers<typeof GetAnnouncement> =>
  async ({ app, payload }) => {
    const header = await announcements.find(app, payload.announcementId);
    if (!header) return reply({ progress: null });
    const isShort = header.recipients !== null;
    const { sent, unknown } = isShort
      ? { sent: await batches.countRecipients(app, payload.announcementId), unknown: header.unknown?.length ?? 0 }
      : await partitions.progress(app, payload.announcementId);
    const counts = { recipients: header.recipientCount, unknown, sent };
    return reply({ progress: { announcement: announcementFrom(header), counts } });
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
    const [entries, total] = await Promise.all([
      batches.inbox(app, userId, after, limit),
      batches.inboxSize(app, userId),
    ]);
    if (entries === null) return reply({ entries: null, total });
    const headers = await announcements.findMany(entries.map((entry) => announcementKey(app, entry.announcementId)));
    const listed = entries
      .map(({ announcementId }) => headers.get(announcementKey(app, announcementId)))
      .filter((header) => header !== undefined)
      .map(inboxView);
    return reply({ entries: listed, total });
  };

/** A user is not told who else got it, nor what others' pushes said. */
const inboxView = (header: Header) => ({ ...announcementFrom(header), recipients: null, notification: null });

export const findRecipients =
  ({ announcements, batches }: Pick<Deps, "announcements" | "batches">): Answers<typeof FindRecipients> =>
  async ({ app, payload }) => {
    const headers = await announcements.findMany(
      payload.checks.map((check) => announcementKey(app, check.announcementId)),
    );
    const found = await Promise.all(
      payload.checks.map(async ({ announcementId, userIds }) => {
        const header = headers.get(announcementKey(app, announcementId));
        const members = header ? await batches.findRecipients(app, announcementId, header.at, userIds) : [];
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
