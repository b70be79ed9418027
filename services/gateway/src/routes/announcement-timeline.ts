import { GetAnnouncement, GetReceiptTimeline, TIMELINE_BUCKETS_MAX } from "@strata/contracts";
import { announcementTimelineView, invalidProperty, notFound, parseTime } from "@strata/layer-protocol";
import { z } from "zod";
import { type Answer, type Call, ok, type Route } from "../http/route.ts";
import { AnnouncementTimeline, Time } from "../openapi/announcement-schemas.ts";
import { operation } from "../openapi/operation.ts";
import { AnnouncementPath } from "../openapi/parameters.ts";
import { announcementIdOf } from "./announcement-id.ts";

const STEP_MS = { minute: 60_000, hour: 3_600_000 } as const;
type Step = keyof typeof STEP_MS;

export const getAnnouncementTimeline = (): Route => ({
  method: "get",
  path: "/apps/:app/announcements/:announcement/timeline",
  access: "announcements:read",
  operation: operation({
    id: "getAnnouncementTimeline",
    tag: "Announcements",
    summary: "When users got, opened and read it",
    description:
      "How many users got it and came to each state in each minute or hour (UTC), oldest first; times in which nothing happened " +
      "are left out. A user counts as delivered once, at her first receipt. The buckets add up to the announcement's " +
      "counts once no more receipts come in, and are some seconds behind until then.",
    path: AnnouncementPath,
    query: z.object({
      by: z.enum(["minute", "hour"]).default("hour"),
      from: Time.optional().meta({ description: "Default: when it was accepted" }),
      to: Time.optional().meta({
        description: `Not included. Default: now. At most ${TIMELINE_BUCKETS_MAX} buckets behind \`from\``,
      }),
    }),
    answer: { status: 200, description: "The buckets in which something happened", schema: AnnouncementTimeline },
    errors: [404, 422],
  }),
  handle: timeline,
});

async function timeline(call: Call): Promise<Answer> {
  const announcementId = announcementIdOf(call);
  const by = parseStep(call.query["by"]);
  const [from, to] = [parseBound(call, "from"), parseBound(call, "to")];
  const { progress } = await call.calls.ask(GetAnnouncement, { announcementId });
  if (progress === null) throw notFound("There is no such announcement");
  // Its own minute belongs to it as a whole.
  const start = from ?? progress.announcement.at - (progress.announcement.at % STEP_MS[by]);
  const end = to ?? Math.max(start, Math.min(Date.now() + 1, start + TIMELINE_BUCKETS_MAX * STEP_MS[by]));
  requireSpan(start, end, by);
  const { buckets } = await call.calls.ask(GetReceiptTimeline, { announcementId, by, from: start, to: end });
  return ok(announcementTimelineView(buckets.map((bucket) => Object.assign({ sent: 0 }, bucket))));
}

function parseStep(value: unknown): Step {
  const step = value ?? "hour";
  if (step !== "minute" && step !== "hour") throw invalidProperty("by", "must be minute or hour");
  return step;
}

function parseBound(call: Call, name: "from" | "to"): number | null {
  const value = call.query[name];
  if (value === undefined) return null;
  const at = parseTime(value);
  if (at === null) throw invalidProperty(name, "must be a time in ISO 8601, with its time zone");
  return at;
}

function requireSpan(from: number, to: number, by: Step): void {
  if (to < from) throw invalidProperty("to", "must not be before from");
  if (to - from > TIMELINE_BUCKETS_MAX * STEP_MS[by]) {
    throw invalidProperty("to", `must be at most ${TIMELINE_BUCKETS_MAX} ${by}s after from`);
  }
}
