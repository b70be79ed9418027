import {
  GetAnnouncement,
  GetReceiptCounts,
  ListRecipientStates,
  type RecipientState,
  type ReplyOf,
  RecipientFilter,
} from "@strata/contracts";
import {
  formatUserReference,
  invalidProperty,
  parsePaging,
  parseUserCursor,
  recipientStateView,
  USER_PAGES,
} from "@strata/layer-protocol";
import { z } from "zod";
import { CSV_TYPE, NDJSON_TYPE } from "../http/other-types.ts";
import { type Answer, type Call, ok, type Route, streamed } from "../http/route.ts";
import { operation } from "../openapi/operation.ts";
import { AnnouncementPath, LayerCount, pagingOf } from "../openapi/parameters.ts";
import { RecipientStateView } from "../openapi/announcement-schemas.ts";
import { announcementIdOf } from "./announcement-id.ts";
import { asCsv, asNdjson } from "./recipient-lines.ts";

const NEXT_HEADER = "Layer-Next-From-Id";
/** Of the request's deadline: a page that takes longer to fill is sent as far as it is. */
const FILLING_SHARE = 0.5;
/** Rows asked for at a time where all of them are sent. */
const STREAM_PAGE = 1_000;
const STREAM_PAGE_MS = 10_000;

interface Question {
  readonly announcementId: string;
  readonly status: RecipientFilter;
}

export const listAnnouncementRecipients = (): Route => ({
  method: "get",
  path: "/apps/:app/announcements/:announcement/recipients",
  access: "announcements:read",
  otherTypes: [NDJSON_TYPE, CSV_TYPE],
  operation: operation({
    id: "listAnnouncementRecipients",
    tag: "Announcements",
    summary: "Who has which state",
    description:
      "In an order of the server's own. `status`: sent lists everybody, delivered those who have it (read or not), read, " +
      "unread everybody who has not read it, opened those who came by its push, and deleted those who removed it from " +
      `their inbox. With \`Accept: ${NDJSON_TYPE}\` or \`${CSV_TYPE}\` all of them come in one answer, however many: a line ` +
      "each, `page_size` and `from_id` do not matter. Should that break off, the last line of NDJSON is an object with " +
      `\`error\`, and CSV ends with its connection. A page may be short and yet not the last: ${NEXT_HEADER} says where to ` +
      "go on, and is absent at the end. `Layer-Count` is the count of the announcement itself: exact once distribution has " +
      "ended and no more receipts come in, and a second behind them until then.",
    path: AnnouncementPath,
    query: pagingOf(USER_PAGES, "Identity URI or user id").extend({
      status: RecipientFilter.default("sent").meta({ description: "Who is listed" }),
    }),
    answer: {
      status: 200,
      description: "One page of recipients",
      schema: z.array(RecipientStateView),
      headers: LayerCount.extend({
        [NEXT_HEADER]: z.string().optional().meta({ description: "`from_id` of the next page" }),
      }),
    },
    errors: [404, 422],
  }),
  handle: list,
});

async function list(call: Call): Promise<Answer> {
  const status = parseStatus(call.query["status"]);
  const { pageSize, fromId } = parsePaging(call.query, USER_PAGES, parseUserCursor);
  const announcementId = announcementIdOf(call);
  if (call.otherType !== null) return stream(call, call.otherType, { announcementId, status });
  const [{ rows, next }, count] = await Promise.all([
    page(call, { announcementId, status }, pageSize, fromId),
    countOf(call, announcementId, status),
  ]);
  return ok(
    rows.map((row) => recipientStateView(call.wire, row)),
    {
      "Layer-Count": String(count),
      ...(next === null ? {} : { [NEXT_HEADER]: formatUserReference(call.wire.version, next) }),
    },
  );
}

/** The first page is asked for before anything is answered, so that an announcement that does not exist is 404. */
async function stream(call: Call, type: string, question: Question): Promise<Answer> {
  const first = await call.calls.ask(ListRecipientStates, { ...question, after: null, limit: STREAM_PAGE });
  const pages = pagesFrom(call, question, first);
  return streamed({ type, pieces: type === CSV_TYPE ? asCsv(call.wire, pages) : asNdjson(call.wire, pages) });
}

type Page = ReplyOf<typeof ListRecipientStates>;

/** One page at a time, each with a deadline of its own: a slow reader has all the time she wants. */
async function* pagesFrom(call: Call, question: Question, first: Page): AsyncGenerator<readonly RecipientState[]> {
  for (let found = first; ;) {
    yield found.recipients;
    if (found.next === undefined) return;
    const calls = call.calls.within(STREAM_PAGE_MS);
    found = await calls.ask(ListRecipientStates, { ...question, after: found.next, limit: STREAM_PAGE });
  }
}

/** From the counts that are kept anyway: nothing is counted for a page. */
async function countOf({ calls }: Call, announcementId: string, status: RecipientFilter): Promise<number> {
  const [{ progress }, { delivered, read, opened = 0, deleted = 0 }] = await Promise.all([
    calls.ask(GetAnnouncement, { announcementId }),
    calls.ask(GetReceiptCounts, { announcementId }),
  ]);
  const sent = progress?.counts.sent ?? 0;
  // The two come from different moments, so a reader may be counted before she is counted as a recipient.
  return { sent, delivered, read, unread: Math.max(0, sent - read), opened, deleted }[status];
}

/** One question looks at a bounded number of recipients, so few readers among very many take several. */
async function page(
  { calls }: Call,
  question: Question,
  pageSize: number,
  fromId: string | null,
): Promise<{ rows: readonly RecipientState[]; next: string | null }> {
  const enoughAtMs = calls.remainingMs * FILLING_SHARE;
  const rows: RecipientState[] = [];
  let after = fromId;
  do {
    const reply = await calls.ask(ListRecipientStates, { ...question, after, limit: pageSize - rows.length });
    rows.push(...reply.recipients);
    after = reply.next ?? null;
  } while (after !== null && rows.length < pageSize && calls.remainingMs > enoughAtMs);
  return { rows, next: after };
}

function parseStatus(value: unknown): RecipientFilter {
  const parsed = RecipientFilter.safeParse(value ?? "sent");
  if (!parsed.success) throw invalidProperty("status", `must be one of ${RecipientFilter.options.join(", ")}`);
  return parsed.data;
}
