import type { RecipientState } from "@strata/contracts";
import { layerErrorOf } from "@strata/doors";
import { errorBody, recipientStateView, type WireContext } from "@strata/layer-protocol";

type Pages = AsyncIterable<readonly RecipientState[]>;

/**
 * A JSON object on each line. Where the pages break off, the last line says so, with the error that a request would have
 * been answered with: the status was sent long before.
 */
export async function* asNdjson(wire: WireContext, pages: Pages): AsyncGenerator<string> {
  try {
    for await (const page of pages) yield linesOf(page.map((row) => JSON.stringify(recipientStateView(wire, row))));
  } catch (error) {
    yield linesOf([JSON.stringify({ error: errorBody(layerErrorOf(error), "") })]);
  }
}

const COLUMNS = ["recipient", "user_id", "status", "delivered_at", "read_at", "opened_at", "deleted_at"] as const;

/** Comma-separated values (RFC 4180) with a header. Where the pages break off, so does the connection. */
export async function* asCsv(wire: WireContext, pages: Pages): AsyncGenerator<string> {
  yield `${COLUMNS.join(",")}\r\n`;
  for await (const page of pages) {
    const rows = page.map((row) => {
      const view = recipientStateView(wire, row);
      return `${COLUMNS.map((column) => csvField(view[column])).join(",")}\r\n`;
    });
    yield rows.join("");
  }
}

/** Spreadsheets take what begins so for a formula, and user ids are whatever a backend made them. */
const FORMULA = /^[=+\-@\t\r]/;

export function csvField(value: string | null): string {
  if (value === null) return "";
  const text = FORMULA.test(value) ? `'${value}` : value;
  return /[",\r\n]/.test(text) ? `"${text.replaceAll('"', '""')}"` : text;
}

const linesOf = (lines: readonly string[]): string => lines.map((line) => `${line}\n`).join("");
