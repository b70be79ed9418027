import type { AuditEntry } from "@strata/contracts";
import { layerErrorOf } from "@strata/doors";
import { errorBody } from "@strata/layer-protocol";
import { auditView } from "./audit-view.ts";
import { csvField } from "./recipient-lines.ts";

type Pages = AsyncIterable<readonly AuditEntry[]>;

/** A JSON object on each line; should the pages break off, the last one has the error. */
export async function* auditAsNdjson(pages: Pages): AsyncGenerator<string> {
  try {
    for await (const page of pages) yield page.map((entry) => `${JSON.stringify(auditView(entry))}\n`).join("");
  } catch (error) {
    yield `${JSON.stringify({ error: errorBody(layerErrorOf(error), "") })}\n`;
  }
}

const COLUMNS = [
  "id",
  "at",
  "action",
  "app_id",
  "subject_kind",
  "subject_id",
  "actor_kind",
  "actor_id",
  "token_id",
  "address",
  "user_agent",
  "before",
  "after",
];

/** Comma-separated values (RFC 4180) with a header. What an act changed is JSON. */
export async function* auditAsCsv(pages: Pages): AsyncGenerator<string> {
  yield `${COLUMNS.join(",")}\r\n`;
  for await (const page of pages) yield page.map((entry) => `${fieldsOf(entry).map(csvField).join(",")}\r\n`).join("");
}

function fieldsOf(entry: AuditEntry): readonly (string | null)[] {
  const { id, at, action, app_id: appId, subject, actor, before, after } = auditView(entry);
  const who = [actor?.kind, actor?.id, actor?.token_id, actor?.address, actor?.user_agent].map((text) => text ?? null);
  const changes = [before, after].map((facts) => facts && JSON.stringify(facts));
  return [id, at, action, appId, subject.kind, subject.id, ...who, ...changes];
}
