import type { ListInboxKeys, PayloadOf, ReplyOf } from "@strata/contracts";
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
