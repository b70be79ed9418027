import { type AnnouncedInsight, GetInsights, INSIGHT_BUCKETS_MAX } from "@strata/contracts";
import { formatTime, invalidProperty, parseTime } from "@strata/layer-protocol";
import { z } from "zod";
import { type Answer, type Call, ok, type Route } from "../http/route.ts";
import { Time } from "../openapi/announcement-schemas.ts";
import { InsightsView } from "../openapi/insight-schemas.ts";
import { operation } from "../openapi/operation.ts";
import { AppPath } from "../openapi/parameters.ts";

const STEP_MS = { hour: 3_600_000, day: 86_400_000 } as const;
type Step = keyof typeof STEP_MS;
/** How many buckets there are where no beginning is named. */
const BUCKETS_DEFAULT = { hour: 24, day: 30 } as const;
const MAX_CATEGORY_LENGTH = 1_024;

export const getInsights = (): Route => ({
  method: "get",
  path: "/apps/:app/insights",
  access: "insights:read",
  operation: operation({
    id: "getInsights",
    tag: "Insights",
    summary: "What happens in an app, by the hour or day",
    description:
      "Announcements, messages and active users in hours or days of UTC, in total and by category. What has become of " +
      "announcements counts for the time at which they were sent, however much later a receipt comes, so a rate is never " +
      "above 1. All of it is exact once nothing more comes in, and some seconds behind until then; times are at most 9 % " +
      "above the exact ones. A message or a sign of a user that is told of more than a week late is not counted.",
    path: AppPath,
    query: z.object({
      by: z.enum(["hour", "day"]).default("hour"),
      from: Time.optional().meta({
        description: `Its whole hour or day. Default: ${BUCKETS_DEFAULT.hour} hours or ${BUCKETS_DEFAULT.day} days before \`to\``,
      }),
      to: Time.optional().meta({
        description:
          `Not included, unless within an hour or day. Default: now. At most ${INSIGHT_BUCKETS_MAX.hour} hours or ` +
          `${INSIGHT_BUCKETS_MAX.day} days behind \`from\``,
      }),
      category: z.string().optional().meta({ description: "Of this category alone" }),
    }),
    answer: { status: 200, description: "Buckets, and sums over them", schema: InsightsView },
    errors: [422],
  }),
  handle: insights,
});

async function insights(call: Call): Promise<Answer> {
  const by = parseStep(call.query["by"]);
  const category = parseCategory(call.query["category"]);
  const to = parseBound(call, "to") ?? Date.now() + 1;
  const from = parseBound(call, "from") ?? Math.max(0, to - BUCKETS_DEFAULT[by] * STEP_MS[by]);
  const question = { by, ...spanOf(from, to, by), ...(category === null ? {} : { category }) };
  const { buckets, total, categories } = await call.calls.ask(GetInsights, question);
  return ok({
    buckets: buckets.map(({ at, messages, activeUsers, ...announced }) =>
      Object.assign(announcedView(announced), { at: formatTime(at), messages, active_users: activeUsers }),
    ),
    total: { ...announcedView(total), messages: total.messages },
    categories: categories.map((one) => Object.assign(announcedView(one), { category: one.category })),
  });
}

const announcedView = (one: AnnouncedInsight) => {
  const { announcements, sent, delivered, read, opened, deleted } = one;
  const rate = (count: number): number | null => (sent === 0 ? null : Math.round((count / sent) * 10_000) / 10_000);
  return {
    announcements,
    sent,
    delivered,
    read,
    opened,
    deleted,
    rates: { delivered: rate(delivered), read: rate(read), opened: rate(opened), deleted: rate(deleted) },
    time_to_delivered: one.timeToDelivered,
    time_to_read: one.timeToRead,
  };
};

function parseStep(value: unknown): Step {
  const step = value ?? "hour";
  if (step !== "hour" && step !== "day") throw invalidProperty("by", "must be hour or day");
  return step;
}

function parseCategory(value: unknown): string | null {
  if (value === undefined) return null;
  if (typeof value !== "string" || value.length > MAX_CATEGORY_LENGTH || !value.isWellFormed()) {
    throw invalidProperty("category", `must be a text of at most ${MAX_CATEGORY_LENGTH} characters`);
  }
  return value;
}

function parseBound(call: Call, name: "from" | "to"): number | null {
  const value = call.query[name];
  if (value === undefined) return null;
  const at = parseTime(value);
  if (at === null || at < 0) throw invalidProperty(name, "must be a time in ISO 8601, with its time zone");
  return at;
}

/** Whole hours or days. */
function spanOf(from: number, to: number, by: Step) {
  if (to < from) throw invalidProperty("to", "must not be before from");
  const width = STEP_MS[by];
  const span = { from: Math.floor(from / width) * width, to: Math.ceil(to / width) * width };
  // The default is one more than it names, where it begins and ends within one.
  if (span.to - span.from > (INSIGHT_BUCKETS_MAX[by] + 1) * width) {
    throw invalidProperty("to", `must be at most ${INSIGHT_BUCKETS_MAX[by]} ${by}s after from`);
  }
  return span;
}
