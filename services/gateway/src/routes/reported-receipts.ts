import { type PayloadOf, RecordReceipts } from "@strata/contracts";
import { notFound, parseReportedReceipts } from "@strata/layer-protocol";
import { DomainError } from "@strata/runtime";
import { z } from "zod";
import { type Answer, type Call, ok, type Route } from "../http/route.ts";
import { ReportedReceiptsBody, ReportedReceiptsView } from "../openapi/announcement-schemas.ts";
import { operation } from "../openapi/operation.ts";
import { AnnouncementPath } from "../openapi/parameters.ts";
import { announcementIdOf } from "./announcement-id.ts";

export const reportReceipts = ({ maxBodyBytes }: { readonly maxBodyBytes: number }): Route => ({
  method: "post",
  path: "/apps/:app/announcements/:announcement/receipts",
  access: "app:write",
  maxBodyBytes,
  operation: operation({
    id: "reportAnnouncementReceipts",
    tag: "Announcements",
    summary: "Report receipts of many users at once",
    description:
      "For backends that hear from their apps themselves. Receipts only move forward; the same one again changes nothing. " +
      "Those of who is no recipient are passed over and named; 404 when nobody is one.",
    path: AnnouncementPath,
    body: ReportedReceiptsBody,
    answer: { status: 200, description: "Recorded", schema: ReportedReceiptsView },
    errors: [404, 413, 422],
  }),
  handle: report,
});

/** What receipt-tracking says when it has recorded the others. */
const Strangers = z.object({ userIds: z.array(z.string()).min(1) });

async function report(call: Call): Promise<Answer> {
  const receipts = parseReportedReceipts(call.wire.version, call.body, Date.now());
  const announcementId = announcementIdOf(call);
  const strangers = new Set(await strangersAmong(call, { announcementId, receipts }));
  const recorded = receipts.filter(({ userId }) => !strangers.has(userId)).length;
  if (recorded === 0) throw notFound("Nobody named here is a recipient of such an announcement");
  return ok({ recorded, not_recipients: [...strangers] });
}

async function strangersAmong({ calls }: Call, payload: PayloadOf<typeof RecordReceipts>): Promise<readonly string[]> {
  try {
    await calls.request(RecordReceipts, payload);
    return [];
  } catch (error) {
    const refused =
      error instanceof DomainError && error.code === "not_found" ? Strangers.safeParse(error.details) : null;
    if (!refused?.success) throw error;
    return refused.data.userIds;
  }
}
