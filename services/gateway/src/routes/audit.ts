import { AuditAction, type AuditEntry, ListAudit, type PayloadOf } from "@strata/contracts";
import { invalidProperty, notFound, OBJECT_PAGES, parseAppId, parsePaging, parseTime } from "@strata/layer-protocol";
import { z } from "zod";
import { CSV_TYPE, NDJSON_TYPE } from "../http/other-types.ts";
import { type Answer, type Call, ok, type Route, streamed } from "../http/route.ts";
import { AuditEntryView } from "../openapi/audit-schemas.ts";
import { operation } from "../openapi/operation.ts";
import { pagingOf } from "../openapi/parameters.ts";
import { auditAsCsv, auditAsNdjson } from "./audit-lines.ts";
import { auditView } from "./audit-view.ts";

/** Entries asked for at a time where all of them are sent. */
const STREAM_PAGE = 1_000;
const STREAM_PAGE_MS = 10_000;
const MAX_ID_LENGTH = 128;
/** Ids of commands, and what follows from ids. */
const ENTRY_ID = /^[\w.-]{1,128}$/;

export const listAudit = (): Route => ({
  method: "get",
  path: "/accounts/audit",
  access: "account:read",
  otherTypes: [NDJSON_TYPE, CSV_TYPE],
  operation: operation({
    id: "listAudit",
    tag: "Accounts",
    summary: "What was done to the account and its apps, by whom, newest first",
    description:
      "Every administrative act, written with the act itself: it only grows, and nothing of it can be changed or deleted. " +
      `With \`Accept: ${NDJSON_TYPE}\` or \`${CSV_TYPE}\` all of it comes in one answer, a line each; \`page_size\` and ` +
      "`from_id` do not matter then. A page that is shorter than asked for is the last.",
    query: pagingOf(OBJECT_PAGES, "Id of an entry").extend({
      app: z.string().optional().meta({ description: "What was done to this app alone" }),
      actor: z.string().max(MAX_ID_LENGTH).optional().meta({ description: "By this token or member alone" }),
      action: AuditAction.optional().meta({ description: "Of this action alone" }),
      from: z.iso.datetime({ offset: true }).optional(),
      to: z.iso.datetime({ offset: true }).optional().meta({ description: "Not included" }),
    }),
    answer: { status: 200, description: "One page of entries", schema: z.array(AuditEntryView) },
    errors: [404, 422],
  }),
  handle: list,
});

type Question = Omit<PayloadOf<typeof ListAudit>, "after" | "limit">;

async function list(call: Call): Promise<Answer> {
  const question = parseQuestion(call);
  const { pageSize, fromId } = parsePaging(call.query, OBJECT_PAGES, (text) => (ENTRY_ID.test(text) ? text : null));
  if (call.otherType === null) {
    const entries = await page(call, question, fromId, pageSize);
    return ok(entries.map(auditView));
  }
  const pages = pagesFrom(call, question, await page(call, question, null, STREAM_PAGE));
  return streamed({
    type: call.otherType,
    pieces: call.otherType === CSV_TYPE ? auditAsCsv(pages) : auditAsNdjson(pages),
  });
}

async function page(
  { calls }: Pick<Call, "calls">,
  question: Question,
  after: string | null,
  limit: number,
): Promise<readonly AuditEntry[]> {
  const { entries } = await calls.ask(ListAudit, { ...question, after, limit });
  if (entries === null) throw notFound("There is no such entry");
  return entries;
}

/** One at a time, each with a deadline of its own: a slow reader has all the time she wants. */
async function* pagesFrom(
  { calls }: Call,
  question: Question,
  first: readonly AuditEntry[],
): AsyncGenerator<readonly AuditEntry[]> {
  for (let entries = first; entries.length > 0;) {
    yield entries;
    const last = entries.at(-1)?.entryId ?? null;
    if (entries.length < STREAM_PAGE) return;
    entries = await page({ calls: calls.within(STREAM_PAGE_MS) }, question, last, STREAM_PAGE);
  }
}

function parseQuestion({ grant, query }: Call): Question {
  const { app, actor, action, from, to } = query;
  const appId = app === undefined ? undefined : parseAppId(typeof app === "string" ? app : "");
  if (appId === null) throw invalidProperty("app", "must be the id of an app");
  const parsed = AuditAction.optional().safeParse(action);
  if (!parsed.success) throw invalidProperty("action", "must be an action, such as token.created");
  const actorId = z.string().max(MAX_ID_LENGTH).optional().safeParse(actor);
  if (!actorId.success) throw invalidProperty("actor", "must be the id of a token or a member");
  return {
    accountId: grant.accountId,
    ...(appId === undefined ? {} : { appId }),
    ...(actorId.data === undefined ? {} : { actorId: actorId.data }),
    ...(parsed.data === undefined ? {} : { action: parsed.data }),
    ...boundIn("from", from),
    ...boundIn("to", to),
  };
}

function boundIn(name: "from" | "to", value: unknown): { readonly from?: number; readonly to?: number } {
  if (value === undefined) return {};
  const at = parseTime(value);
  if (at === null || at < 0) throw invalidProperty(name, "must be a time in ISO 8601, with its time zone");
  return { [name]: at };
}
