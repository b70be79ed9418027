import { z } from "zod";
import { exampleIds } from "./examples.ts";

const Moment = z.iso.datetime({ offset: true });
const Time = z.iso.datetime();
const Count = z.number().int().nonnegative();
const AT = "2026-01-02T03:04:05.678Z";

/** The body of `POST …/users/:user/announcements/read`. */
export const InboxReadBody = z
  .object({
    until: Moment.nullish().meta({ description: "What came later stays unread; absent or of the future: now" }),
  })
  .meta({ id: "InboxRead", example: { until: AT } });

export const InboxReadView = z.strictObject({ until: Time }).meta({ id: "InboxReadUntil", example: { until: AT } });

export const InboxFilterQuery = z.object({
  since: Moment.optional().meta({ description: "Only what came after it" }),
  unread: z.enum(["true", "false"]).default("false").meta({ description: "Only what she has not read" }),
});

export const MissedQuery = z.object({
  since: Moment.optional().meta({ description: "Since when; absent: since her last visit, or ever before the first" }),
});

export const MissedView = z
  .strictObject({
    since: Time.nullable().meta({ description: "Since when it is counted; null: ever" }),
    count: Count.meta({ description: "Announcements that came since then and are in her inbox" }),
    unread: Count.meta({ description: "Of them, those that she has not read" }),
    newest: z.array(z.string()).meta({ description: "The newest ten of them, newest first" }),
  })
  .meta({
    id: "Missed",
    example: { since: AT, count: 3, unread: 2, newest: [`layer:///announcements/${exampleIds.announcement}`] },
  });

/** The body of `PUT …/users/:user/visit`. */
export const VisitBody = z
  .object({ at: Moment.nullish().meta({ description: "When she was there; absent: now" }) })
  .meta({ id: "VisitRequest", example: { at: AT } });

export const VisitView = z
  .strictObject({
    visited_at: Time.nullable().meta({ description: "Her last visit; null before the first" }),
    last_seen_at: Time.nullable().meta({ description: "When she last was there, by whatever sign" }),
    known_since: Time.nullable(),
  })
  .meta({ id: "Visit", example: { visited_at: AT, last_seen_at: AT, known_since: "2026-01-01T03:04:05.678Z" } });
