import { z } from "zod";
import { Announcement } from "./announcement.ts";
import { defineQuery } from "./define.ts";
import { InboxKey } from "./inbox.ts";
import { UserMessage } from "./message.ts";
import { AnnouncementId, Millis, UserId } from "./values.ts";

/** As `searchQuestionOf` makes it: every one of `words` must be there, and one that begins with `prefix`. */
const Asked = {
  userId: UserId,
  words: z.array(z.string().min(1)).max(200),
  prefix: z.string().min(1),
  limit: z.number().int().min(1).max(100),
};

/**
 * A place in the order in which announcements are found: newest first, then by id. Without an id it is behind all of its
 * time.
 */
export const FoundAnnouncementPlace = z.object({ at: Millis, announcementId: AnnouncementId.nullable() });
export type FoundAnnouncementPlace = z.infer<typeof FoundAnnouncementPlace>;

/**
 * Announcements of a user's inbox that say what she looks for, newest first, from behind `after`. An answer takes a
 * bounded part of the inbox: it may have few hits, or none, and goes on behind `next`; null: that was all.
 */
export const SearchInbox = defineQuery({
  service: "announcement-fanout",
  name: "SearchInbox",
  version: 1,
  payload: z.object({
    ...Asked,
    knownSince: Millis.nullable(),
    after: FoundAnnouncementPlace.nullable(),
  }),
  reply: z.object({ hits: z.array(Announcement), next: FoundAnnouncementPlace.nullable() }),
});

/** An announcement's place in a user's inbox; null where it is not in it. */
export const FindInboxKey = defineQuery({
  service: "announcement-fanout",
  name: "FindInboxKey",
  version: 1,
  payload: z.object({ userId: UserId, announcementId: AnnouncementId, knownSince: Millis.nullable() }),
  reply: z.object({ key: InboxKey.nullable() }),
});

/**
 * A place in the order in which messages are found: newest first, of those of one moment the highest position first,
 * then by id. It need not be that of a message.
 */
export const FoundMessagePlace = z.object({
  at: Millis,
  position: z.number().int().nonnegative(),
  messageId: z.string(),
});
export type FoundMessagePlace = z.infer<typeof FoundMessagePlace>;

/**
 * Messages that a user sees and that say what she looks for, newest first, from behind `after`; of her conversations,
 * those with the newest messages (2,000 of them). Bounded as SearchInbox is.
 */
export const SearchMessages = defineQuery({
  service: "conversation",
  name: "SearchMessages",
  version: 1,
  payload: z.object({ ...Asked, after: FoundMessagePlace.nullable() }),
  reply: z.object({ hits: z.array(UserMessage), next: FoundMessagePlace.nullable() }),
});
