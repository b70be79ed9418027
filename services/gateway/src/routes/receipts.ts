import { RecordReceipts } from "@strata/contracts";
import { parseAnnouncementReceipt, requireUserId } from "@strata/layer-protocol";
import { type Answer, type Call, noContent, type Route } from "../http/route.ts";
import { operation } from "../openapi/operation.ts";
import { UserAnnouncementPath } from "../openapi/parameters.ts";
import { AnnouncementReceiptBody } from "../openapi/announcement-schemas.ts";
import { announcementIdOf } from "./announcement-id.ts";

export const recordReceipt = ({ maxBodyBytes }: { readonly maxBodyBytes: number }): Route => ({
  method: "post",
  path: "/apps/:app/users/:user/announcements/:announcement/receipts",
  access: "announcements:write",
  maxBodyBytes,
  operation: operation({
    id: "createAnnouncementReceipt",
    tag: "Users",
    summary: "Say that a user got, opened or read an announcement",
    description: "Receipts only move forward; the same one again changes nothing.",
    path: UserAnnouncementPath,
    body: AnnouncementReceiptBody,
    answer: { status: 204, description: "Recorded" },
    errors: [404, 413, 422],
  }),
  handle: record,
});

/** Whoever is no recipient is refused by receipt-tracking, and who does not exist is no recipient. */
async function record(call: Call): Promise<Answer> {
  const kind = parseAnnouncementReceipt(call.body);
  const userId = requireUserId(call.param("user"));
  const announcementId = announcementIdOf(call);
  await call.calls.request(RecordReceipts, { announcementId, receipts: [{ userId, kind, at: Date.now() }] });
  return noContent;
}
