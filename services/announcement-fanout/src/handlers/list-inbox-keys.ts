import type { ListInboxKeys, ListInboxKeysOfUsers, PayloadOf, ReplyOf } from "@strata/contracts";
import { type Handler, reply } from "@strata/messaging";
import type { AnnouncementStore } from "../store/announcement-store.ts";
import type { BatchStore } from "../store/batch-store.ts";

interface Deps {
  readonly announcements: AnnouncementStore;
  readonly batches: BatchStore;
}

/** What is in a user's inbox, for who counts it: one walk of the index, no header read. */
export const listInboxKeys =
  ({ announcements, batches }: Deps): Handler<PayloadOf<typeof ListInboxKeys>, ReplyOf<typeof ListInboxKeys>> =>
  async ({ app, payload: { userId, after, behind, limit, since, until, knownSince = null } }) => {
    const hidden = await announcements.hidden(app);
    const entries = await batches.inbox({ app, userId, since, until, knownSince, hidden }, behind ?? after, limit);
    return reply({ keys: entries && [...entries], ended: [...hidden] });
  };

/** What is in the inboxes of many users, for who counts them together. */
export const listInboxKeysOfUsers =
  ({
    announcements,
    batches,
  }: Deps): Handler<PayloadOf<typeof ListInboxKeysOfUsers>, ReplyOf<typeof ListInboxKeysOfUsers>> =>
  async ({ app, payload: { userIds, knownSince } }) => {
    const hidden = await announcements.hidden(app);
    const readers = userIds.map((userId, n) => ({ userId, knownSince: knownSince[n] ?? null }));
    const found = await batches.inboxesOf({ app, hidden }, readers);
    return reply({
      announcements: [...found.announcements].map(([announcementId, users]) => ({ announcementId, users: [...users] })),
      left: [...found.left],
    });
  };
