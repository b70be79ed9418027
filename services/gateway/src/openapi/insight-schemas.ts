import { z } from "zod";
import { Time } from "./announcement-schemas.ts";
import { examples } from "./examples.ts";

const Count = z.number().int();
const Rate = z.number().nullable().meta({ description: "Of what was sent; null where nothing was" });
const Quantiles = z
  .strictObject({ p50: Count.nullable(), p90: Count.nullable() })
  .meta({ description: "Milliseconds, at most 9 % above the exact ones; null where there are none" });

const announced = {
  announcements: Count.meta({ description: "Accepted then" }),
  sent: Count.meta({ description: "Recipients who got one then" }),
  delivered: Count.meta({ description: "Of those sent then, how many were delivered until now; so with the others" }),
  read: Count,
  opened: Count,
  deleted: Count,
  rates: z.strictObject({ delivered: Rate, read: Rate, opened: Rate, deleted: Rate }),
  time_to_delivered: Quantiles,
  time_to_read: Quantiles,
};

export const InsightsView = z
  .strictObject({
    buckets: z
      .array(
        z.strictObject({
          at: Time.meta({ description: "The beginning of the hour or day" }),
          ...announced,
          messages: Count.nullable().meta({ description: "Sent in conversations then; null for one category" }),
          active_users: Count.nullable().meta({
            description: "Different users with a visit, a receipt or a message then; null for one category",
          }),
        }),
      )
      .meta({ description: "Oldest first; those in which nothing happened are left out" }),
    total: z
      .strictObject({ ...announced, messages: Count.nullable() })
      .meta({ description: "Without active users: who is active on two days is one user" }),
    categories: z
      .array(z.strictObject({ category: z.string().nullable(), ...announced }))
      .meta({ description: "By category (null: none), of up to a thousand of which most was sent" }),
  })
  .meta({ id: "Insights", example: examples.insights });
