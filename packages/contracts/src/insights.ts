import { z } from "zod";
import { defineQuery } from "./define.ts";
import { Millis } from "./values.ts";

/** How many hours or days one answer spans at most. */
export const INSIGHT_BUCKETS_MAX = { hour: 31 * 24, day: 400 } as const;

const Users = z.number().int();
/** Milliseconds: the end of a step of a scale whose steps are 9 % wide; null where there are none. */
const Quantiles = z.object({ p50: z.number().int().nullable(), p90: z.number().int().nullable() });

/** What was announced in some time, and what has become of it until now, whenever that was. */
export const AnnouncedInsight = z.object({
  announcements: z.number().int(),
  sent: Users,
  delivered: Users,
  read: Users,
  opened: Users,
  deleted: Users,
  timeToDelivered: Quantiles,
  timeToRead: Quantiles,
});
export type AnnouncedInsight = z.infer<typeof AnnouncedInsight>;

/** Of an app as a whole, so null where one category is asked about. */
const OfApp = { messages: z.number().int().nullable(), activeUsers: Users.nullable() };

/**
 * What happened in an app, by the hour or day (UTC) since 1970: from the one that `from` is in to the one before that of
 * `to`. Buckets in which nothing happened are left out. Some seconds behind while something happens.
 */
export const GetInsights = defineQuery({
  service: "receipt-tracking",
  name: "GetInsights",
  version: 1,
  payload: z.object({
    by: z.enum(["hour", "day"]),
    from: Millis,
    to: Millis,
    /** Of this category alone; absent: of all. */
    category: z.string().optional(),
  }),
  reply: z.object({
    buckets: z.array(AnnouncedInsight.extend({ at: Millis, ...OfApp })),
    /** Who was active on several days is not one user for each of them, so they have no sum. */
    total: AnnouncedInsight.extend({ messages: OfApp.messages }),
    /** The same by category (null: none), of up to a thousand that most was sent of. */
    categories: z.array(AnnouncedInsight.extend({ category: z.string().nullable() })),
  }),
});
