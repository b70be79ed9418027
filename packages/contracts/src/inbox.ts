import { z } from "zod";
import { Announcement } from "./announcement.ts";
import { defineCommand, defineQuery } from "./define.ts";
import { AnnouncementId, Millis, UserId, userIdList } from "./values.ts";

/**
 * For how long after the end of an announcement inboxes are asked to pass over it: a slow worker may still put a batch of
 * it there, and a late event may still tell of one.
 */
export const ENDED_TOLD_MS = 60_000;

export const InboxKey = z.object({ announcementId: AnnouncementId, at: Millis });
export type InboxKey = z.infer<typeof InboxKey>;

/**
 * What is in a user's inbox, without what it says: newest first, behind `after` where given, and only what came after
 * `since` where given. A page shorter than `limit` is the last; `keys` is null when `after` is not in this inbox.
 */
export const ListInboxKeys = defineQuery({
  service: "announcement-fanout",
  name: "ListInboxKeys",
  version: 1,
  payload: z.object({
    userId: UserId,
    after: AnnouncementId.nullable(),
    since: Millis.nullable(),
    /** Since when she is known: what is for everyone is hers only if she was known by its cut-off. Absent: it is left out. */
    knownSince: Millis.nullable().optional(),
    /** Only what comes behind this key, whether or not it is still there; instead of `after`. */
    behind: InboxKey.nullable().optional(),
    /** Only what was there by then. */
    until: Millis.optional(),
    limit: z.number().int().min(1).max(1000),
  }),
  reply: z.object({
    keys: z.array(InboxKey).nullable(),
    /** What the inboxes of this app pass over since it was recalled or expired, for `ENDED_TOLD_MS` from then on at least. */
    ended: z.array(AnnouncementId).optional(),
  }),
});

const MAX_READERS = 1_000;
const Positions = z.array(z.number().int().nonnegative());

/**
 * What is in the inboxes of up to 1,000 users, for who counts them together: as `ListInboxKeys` says it of each, but by
 * announcement and in no order. Users are named by their positions in `userIds`.
 */
export const ListInboxKeysOfUsers = defineQuery({
  service: "announcement-fanout",
  name: "ListInboxKeysOfUsers",
  version: 1,
  payload: z.object({
    userIds: userIdList(MAX_READERS),
    /** In the order of `userIds`, as FindUnknownUsers answers; null for who is not known: what is for everyone is left out. */
    knownSince: z.array(Millis.nullable()).max(MAX_READERS),
  }),
  reply: z.object({
    announcements: z.array(z.object({ announcementId: AnnouncementId, users: Positions })),
    /** Whose inboxes are not in this answer, which would be too long: to be asked about again. Never all. */
    left: Positions,
  }),
});

/** What these announcements say, as one who has them in her inbox sees them: in the order asked, without any that is gone. */
export const GetInboxEntries = defineQuery({
  service: "announcement-fanout",
  name: "GetInboxEntries",
  version: 1,
  payload: z.object({ userId: UserId, keys: z.array(InboxKey).max(500) }),
  reply: z.object({ entries: z.array(Announcement) }),
});

/**
 * What a user has neither read nor deleted of her inbox, newest first, behind `after` where given, and only what came
 * after `since` where given. `total` counts all pages. `keys` is null when `after` is not in her inbox since then; it
 * may be read or deleted.
 */
export const ListUnread = defineQuery({
  service: "receipt-tracking",
  name: "ListUnread",
  version: 1,
  payload: z.object({
    userId: UserId,
    after: AnnouncementId.nullable(),
    since: Millis.nullable(),
    limit: z.number().int().min(1).max(500),
  }),
  reply: z.object({ keys: z.array(InboxKey).nullable(), total: z.number().int() }),
});

/** How many announcements came to a user after `since` (null: ever), how many of them are unread, and the newest. */
export const CountMissed = defineQuery({
  service: "receipt-tracking",
  name: "CountMissed",
  version: 1,
  payload: z.object({ userId: UserId, since: Millis.nullable(), newest: z.number().int().min(0).max(100) }),
  reply: z.object({ count: z.number().int(), unread: z.number().int(), newest: z.array(AnnouncementId) }),
});

/** How many announcements of her inbox a user may have deleted for herself. */
export const MAX_DELETED = 100_000;

/** What a user has deleted for herself, whatever has become of it since; in no order. */
export const ListDeleted = defineQuery({
  service: "receipt-tracking",
  name: "ListDeleted",
  version: 1,
  payload: z.object({ userId: UserId }),
  reply: z.object({ announcementIds: z.array(AnnouncementId).max(MAX_DELETED) }),
});

/**
 * A user has read what was in her inbox by `until`, at `at`: each announcement that she has neither read nor deleted gets
 * its receipt. Answered once the commands that record those of the newest thousand are durable; the rest follows in steps
 * of as many.
 */
export const MarkInboxRead = defineCommand({
  service: "receipt-tracking",
  lane: "inbox-reads",
  name: "MarkInboxRead",
  version: 1,
  payload: z.object({
    userId: UserId,
    until: Millis,
    at: Millis,
    /** Since when she is known: what is for everyone is hers only if she was known by its cut-off. */
    knownSince: Millis.nullable(),
    /** Where a step before has come to. */
    behind: InboxKey.nullable().optional(),
  }),
});
