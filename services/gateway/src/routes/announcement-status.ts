import {
  type AnnouncementProgress,
  GetAnnouncement,
  GetPushCounts,
  GetReceiptCounts,
  type ReplyOf,
} from "@strata/contracts";
import { type AnnouncementCounts, announcementStatusView, notFound } from "@strata/layer-protocol";
import { type Answer, type Call, ok, type Route } from "../http/route.ts";
import { operation } from "../openapi/operation.ts";
import { AnnouncementPath } from "../openapi/parameters.ts";
import { AnnouncementStatus } from "../openapi/announcement-schemas.ts";
import { announcementIdOf } from "./announcement-id.ts";

export const getAnnouncementStatus = (): Route => ({
  method: "get",
  path: "/apps/:app/announcements/:announcement",
  access: "announcements:read",
  operation: operation({
    id: "getAnnouncement",
    tag: "Announcements",
    summary: "Where an announcement stands, and how many it reached",
    description: "The counts are exact once distribution has ended and no more receipts come in.",
    path: AnnouncementPath,
    answer: { status: 200, description: "State and counts", schema: AnnouncementStatus },
    errors: [404],
  }),
  handle: status,
});

/** Three services know a part each. A part that cannot be had makes it 503: a count left out would look like a zero. */
async function status(call: Call): Promise<Answer> {
  const question = { announcementId: announcementIdOf(call) };
  const [{ progress }, receipts, pushes] = await Promise.all([
    call.calls.ask(GetAnnouncement, question),
    call.calls.ask(GetReceiptCounts, question),
    call.calls.ask(GetPushCounts, question),
  ]);
  if (progress === null) throw notFound("There is no such announcement");
  return ok(announcementStatusView(call.wire, progress.announcement, countsOf(progress.counts, receipts, pushes)));
}

const NO_PLATFORMS = { ios: 0, android: 0, web: 0 } as const;

const countsOf = (
  progress: AnnouncementProgress["counts"],
  { delivered, read, opened = 0, deleted = 0 }: ReplyOf<typeof GetReceiptCounts>,
  pushes: ReplyOf<typeof GetPushCounts>,
): AnnouncementCounts => ({
  ...progress,
  delivered,
  read,
  opened,
  deleted,
  pushed: pushes.pushed,
  pushedByPlatform: pushes.pushedByPlatform ?? NO_PLATFORMS,
  failed: pushes.failed,
  failedByReason: pushes.failedByReason ?? {},
  failedByPlatform: pushes.failedByPlatform ?? NO_PLATFORMS,
  skipped: pushes.skipped ?? 0,
  skippedByPlatform: pushes.skippedByPlatform ?? NO_PLATFORMS,
  skippedByPolicy: pushes.skippedByPolicy ?? {},
  pushExpired: pushes.expired ?? 0,
  pushWaiting: pushes.waiting ?? 0,
});
