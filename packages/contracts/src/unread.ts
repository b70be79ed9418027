import { z } from "zod";
import { defineCommand, defineQuery } from "./define.ts";
import { UserId } from "./values.ts";

const Count = z.number().int().nonnegative();

/** What a user has not read. */
export const UnreadCounts = z.object({ announcements: Count, messages: Count, conversations: Count });
export type UnreadCounts = z.infer<typeof UnreadCounts>;

/**
 * What a user has not read: the one number that REST, socket and badge show. `version` rises from answer to answer, also
 * after Redis was flushed, and is taken before anything is counted: of two answers, the one with the higher version
 * knows everything that had happened when the other was asked for.
 */
export const GetUnread = defineQuery({
  service: "receipt-tracking",
  name: "GetUnread",
  version: 1,
  payload: z.object({ userId: UserId }),
  reply: UnreadCounts.extend({ version: z.number().int() }),
});

/** Forgets what was counted of a user's announcements and counts again. `before` is null where nothing was counted. */
export const ReconcileUnread = defineCommand({
  service: "receipt-tracking",
  lane: "unread",
  name: "ReconcileUnread",
  version: 1,
  payload: z.object({ userId: UserId }),
  reply: z.object({
    before: Count.nullable(),
    after: UnreadCounts.extend({ version: z.number().int() }),
  }),
});
