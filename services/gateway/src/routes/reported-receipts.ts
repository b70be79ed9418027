import { type PayloadOf, RecordReceipts } from "@strata/contracts";
import type { Calls } from "@strata/doors";
import {
  LayerError,
  MAX_REPORTED_RECEIPTS,
  notFound,
  parseReportedReceipt,
  parseReportedReceipts,
  type ReportedReceipt,
} from "@strata/layer-protocol";
import { DomainError } from "@strata/runtime";
import { z } from "zod";
import { NDJSON_TYPE } from "../http/other-types.ts";
import type { Line } from "../http/read-lines.ts";
import { type Answer, type Call, ok, type Route } from "../http/route.ts";
import {
  ReportedReceipt as ReportedReceiptBody,
  ReportedReceiptsBody,
  ReportedReceiptsView,
} from "../openapi/announcement-schemas.ts";
import { operation } from "../openapi/operation.ts";
import { AnnouncementPath } from "../openapi/parameters.ts";
import { announcementIdOf } from "./announcement-id.ts";

const MAX_LINE_BYTES = 4_096;
/** Strangers named in one answer, however many there are. */
const MAX_NAMED = 1_000;
/** For each group of lines: a long body has all the time it takes. */
const GROUP_MS = 10_000;

export const reportReceipts = ({ maxBodyBytes }: { readonly maxBodyBytes: number }): Route => ({
  method: "post",
  path: "/apps/:app/announcements/:announcement/receipts",
  access: "announcements:write",
  maxBodyBytes,
  maxLineBytes: MAX_LINE_BYTES,
  operation: operation({
    id: "reportAnnouncementReceipts",
    tag: "Announcements",
    summary: "Report receipts of many users at once",
    description:
      "For backends that hear from their apps themselves. Receipts only move forward; the same one again changes nothing. " +
      "Those of who is no recipient are passed over and named; 404 when nobody is one. JSON takes " +
      `${MAX_REPORTED_RECEIPTS} of them; with \`Content-Type: ${NDJSON_TYPE}\` there may be any number, each on a line of ` +
      `its own of at most ${MAX_LINE_BYTES} bytes. They are recorded as they come: a line that is wrong ends the call, ` +
      "with what is before it recorded and nothing from it on; the error names the line, and `data.recorded` says how many " +
      "were. After any other error the whole may be sent again.",
    path: AnnouncementPath,
    body: ReportedReceiptsBody,
    line: ReportedReceiptBody,
    answer: { status: 200, description: "Recorded", schema: ReportedReceiptsView },
    errors: [404, 413, 422],
  }),
  handle: report,
});

/** What receipt-tracking says when it has recorded the others. */
const Strangers = z.object({ userIds: z.array(z.string()).min(1) });

async function report(call: Call): Promise<Answer> {
  const announcementId = announcementIdOf(call);
  const tally = new Tally();
  if (call.lines === null) {
    await record(call, announcementId, parseReportedReceipts(call.wire.version, call.body, Date.now()), tally);
  } else await recordLines(call, announcementId, call.lines, tally);
  if (tally.recorded === 0) throw notFound("Nobody named here is a recipient of such an announcement");
  return ok(tally.view());
}

/** What became of the receipts of one call. */
class Tally {
  recorded = 0;
  readonly #strangers = new Set<string>();
  #unnamed = 0;

  add(receipts: readonly ReportedReceipt[], strangers: ReadonlySet<string>): void {
    this.recorded += receipts.filter(({ userId }) => !strangers.has(userId)).length;
    for (const userId of strangers) {
      if (this.#strangers.size < MAX_NAMED) this.#strangers.add(userId);
      else if (!this.#strangers.has(userId)) this.#unnamed += 1;
    }
  }

  view() {
    return {
      recorded: this.recorded,
      not_recipients: [...this.#strangers],
      ...(this.#unnamed === 0 ? {} : { more_not_recipients: true }),
    };
  }
}

/** One group of lines at a time, so that what waits is in the caller's hands. */
async function recordLines(call: Call, announcementId: string, lines: AsyncIterable<Line>, tally: Tally) {
  let group: ReportedReceipt[] = [];
  const flush = async (): Promise<void> => {
    if (group.length > 0) await record(call, announcementId, group, tally);
    group = [];
  };
  try {
    for await (const { number, value } of lines) {
      group.push(parseReportedReceipt(call.wire.version, value, Date.now(), `line ${number}`));
      if (group.length === MAX_REPORTED_RECEIPTS) await flush();
    }
  } catch (error) {
    if (!(error instanceof LayerError) || error.id !== "invalid_property") throw error;
    await flush();
    throw brokenOff(error, tally.recorded);
  }
  await flush();
}

const brokenOff = ({ id, message, data }: LayerError, recorded: number): LayerError =>
  new LayerError(id, `${message}; of the lines before it, ${recorded} receipts are recorded`, {
    data: Object.assign({}, data, { recorded }),
  });

async function record(call: Call, announcementId: string, receipts: ReportedReceipt[], tally: Tally): Promise<void> {
  const calls = call.lines === null ? call.calls : call.calls.within(GROUP_MS);
  tally.add(receipts, new Set(await strangersAmong(calls, { announcementId, receipts })));
}

async function strangersAmong(calls: Calls, payload: PayloadOf<typeof RecordReceipts>): Promise<readonly string[]> {
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
