import { GetInsights, INSIGHT_BUCKETS_MAX } from "@strata/contracts";
import { formatTime, invalidProperty, parseTime } from "@strata/layer-protocol";
import { z } from "zod";
import { type Answer, type Call, ok, type Route } from "../http/route.ts";
import { UsageView } from "../openapi/usage-schemas.ts";
import { operation } from "../openapi/operation.ts";
import { AppPath } from "../openapi/parameters.ts";
import { findOwnApp } from "./owned-app.ts";

const DAY_MS = 86_400_000;
const DAYS_DEFAULT = 30;

export const getUsage = (): Route => ({
  method: "get",
  path: "/accounts/apps/:app/usage",
  access: "account:read",
  operation: operation({
    id: "getUsage",
    tag: "Accounts",
    summary: "How much an app was used, day by day",
    description:
      "In days of UTC, from what the app's own insights count: exact once nothing more comes in, and some seconds behind " +
      "until then. Of a suspended or deleted app, too.",
    path: AppPath,
    query: z.object({
      from: z.iso
        .datetime({ offset: true })
        .optional()
        .meta({
          description: `Its whole day. Default: ${DAYS_DEFAULT} days before \`to\``,
        }),
      to: z.iso
        .datetime({ offset: true })
        .optional()
        .meta({
          description: `Its day is included, unless it begins then. Default: now. At most ${INSIGHT_BUCKETS_MAX.day} days behind \`from\``,
        }),
    }),
    answer: { status: 200, description: "Days, and sums over them", schema: UsageView },
    errors: [404, 422],
  }),
  handle: usage,
});

async function usage(call: Call): Promise<Answer> {
  const { from, to } = spanOf(call);
  const { appId } = await findOwnApp(call, call.param("app"));
  const { buckets, total } = await call.calls.inApp(appId).ask(GetInsights, { by: "day", from, to });
  return ok({
    days: buckets.map(({ at, messages, announcements, sent, activeUsers }) => ({
      at: formatTime(at),
      messages: messages ?? 0,
      announcements,
      announcements_sent: sent,
      active_users: activeUsers ?? 0,
    })),
    total: {
      messages: total.messages ?? 0,
      announcements: total.announcements,
      announcements_sent: total.sent,
    },
  });
}

/** Whole days. */
function spanOf(call: Call): { readonly from: number; readonly to: number } {
  const end = boundIn(call, "to") ?? Date.now() + 1;
  const begin = boundIn(call, "from") ?? Math.max(0, end - DAYS_DEFAULT * DAY_MS);
  if (end < begin) throw invalidProperty("to", "must not be before from");
  const span = { from: Math.floor(begin / DAY_MS) * DAY_MS, to: Math.ceil(end / DAY_MS) * DAY_MS };
  if (span.to - span.from > INSIGHT_BUCKETS_MAX.day * DAY_MS) {
    throw invalidProperty("to", `must be at most ${INSIGHT_BUCKETS_MAX.day} days after from`);
  }
  return span;
}

function boundIn({ query }: Call, name: "from" | "to"): number | null {
  const value = query[name];
  if (value === undefined) return null;
  const at = parseTime(value);
  if (at === null || at < 0) throw invalidProperty(name, "must be a time in ISO 8601, with its time zone");
  return at;
}
