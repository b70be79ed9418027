import { z } from "zod";
import { defineQuery } from "./define.ts";
import { AnnouncementId, Millis, UserId } from "./values.ts";

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
    limit: z.number().int().min(1).max(1000),
  }),
  reply: z.object({ keys: z.array(InboxKey).nullable() }),
});
