import type { CountMissed, InboxKey, ListUnread, PayloadOf, ReplyOf } from "@strata/contracts";
import { type Handler, reply } from "@strata/messaging";
import { type UnreadDeps, walkInbox } from "../unread.ts";

type Deps = Pick<UnreadDeps, "inboxes" | "receipts">;

/** One walk along the inbox finds the page and counts all pages. */
export const listUnread =
  (deps: Deps): Handler<PayloadOf<typeof ListUnread>, ReplyOf<typeof ListUnread>> =>
  async ({ app, payload: { userId, after, since, limit } }) => {
    const keys: InboxKey[] = [];
    let total = 0;
    let isBehind = after === null;
    for await (const { announcementId, at, isUnread } of walkInbox(deps, { app, userId }, since)) {
      if (isUnread) total += 1;
      if (isUnread && isBehind && keys.length < limit) keys.push({ announcementId, at });
      if (announcementId === after) isBehind = true;
    }
    return reply({ keys: isBehind ? keys : null, total });
  };

/** What came to a user since a time. */
export const countMissed =
  (deps: Deps): Handler<PayloadOf<typeof CountMissed>, ReplyOf<typeof CountMissed>> =>
  async ({ app, payload: { userId, since, newest: limit } }) => {
    const newest: string[] = [];
    let [count, unread] = [0, 0];
    for await (const { announcementId, isUnread, isDeleted } of walkInbox(deps, { app, userId }, since)) {
      if (isDeleted) continue;
      count += 1;
      if (isUnread) unread += 1;
      if (newest.length < limit) newest.push(announcementId);
    }
    return reply({ count, unread, newest });
  };
