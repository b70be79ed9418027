import { invalidProperty } from "./errors.ts";
import { isAbsent, isJsonObject, requireJsonObject, requireProperties } from "./json-object.ts";
import { parseTime } from "./timestamps.ts";
import { parseUserReference } from "./user-ids.ts";
import type { LayerVersion } from "./versions.ts";

/** What a recipient of a message can report. */
export type ReceiptKind = "delivered" | "read";
/** Of an announcement also that she came by its push: an extension. */
export type AnnouncementReceiptKind = ReceiptKind | "opened";

const KINDS: Readonly<Record<string, ReceiptKind>> = { read: "read", delivered: "delivered", delivery: "delivered" };
const ANNOUNCEMENT_KINDS: Readonly<Record<string, AnnouncementReceiptKind>> = { ...KINDS, opened: "opened" };

/** Receipts that one call may report at most. */
export const MAX_REPORTED_RECEIPTS = 1_000;

/**
 * Parses the body of `POST …/receipts` (server API 11, 20): `{"type": "read" | "delivered" | "delivery"}`, the last
 * being what the web clients send.
 * @throws LayerError 400 `invalid_request`; 422 `missing_property` or `invalid_property` `type`
 */
export const parseReceipt = (body: unknown): ReceiptKind => kindOf(KINDS, "read or delivered", typeIn(body));

/** The same of an announcement, whose receipts may also be `opened`. */
export const parseAnnouncementReceipt = (body: unknown): AnnouncementReceiptKind =>
  kindOf(ANNOUNCEMENT_KINDS, "read, delivered or opened", typeIn(body));

function typeIn(body: unknown): unknown {
  const fields = requireJsonObject(body);
  requireProperties(fields, ["type"]);
  return fields.type;
}

function kindOf<Kind>(kinds: Readonly<Record<string, Kind>>, allowed: string, type: unknown, property = "type"): Kind {
  const kind = typeof type === "string" && Object.hasOwn(kinds, type) ? kinds[type] : undefined;
  if (kind === undefined) throw invalidProperty(property, `must be ${allowed}`);
  return kind;
}

/** A receipt that a backend reports in the name of a user. */
export interface ReportedReceipt {
  readonly userId: string;
  readonly kind: AnnouncementReceiptKind;
  /** Milliseconds since 1970; never after now. */
  readonly at: number;
}

/**
 * Parses the body of `POST …/announcements/:id/receipts`, an extension: `{"receipts": [{"user_id", "type", "at"?}, …]}`,
 * at most 1,000 of them. A time of the future is taken for now: clocks differ.
 * @throws LayerError 400 `invalid_request`; 422 `missing_property` `receipts`, or `invalid_property` that names the row
 */
export function parseReportedReceipts(version: LayerVersion, body: unknown, now: number): ReportedReceipt[] {
  const fields = requireJsonObject(body);
  requireProperties(fields, ["receipts"]);
  const { receipts } = fields;
  if (!Array.isArray(receipts) || receipts.length === 0 || receipts.length > MAX_REPORTED_RECEIPTS) {
    throw invalidProperty("receipts", `must be an array of 1 to ${MAX_REPORTED_RECEIPTS} receipts`);
  }
  return receipts.map((row: unknown, index) => parseReportedReceipt(version, row, now, `receipts[${index}]`));
}

/**
 * Parses one of them; `path` is what an error calls it.
 * @throws LayerError 422 `invalid_property`
 */
export function parseReportedReceipt(version: LayerVersion, row: unknown, now: number, path: string): ReportedReceipt {
  if (!isJsonObject(row)) throw invalidProperty(path, "must be an object");
  const { user_id: reference, type, at: time } = row;
  const userId = typeof reference === "string" ? parseUserReference(version, reference) : null;
  if (userId === null) throw invalidProperty(`${path}.user_id`, "must name a user");
  const kind = kindOf(ANNOUNCEMENT_KINDS, "read, delivered or opened", type, `${path}.type`);
  const said = isAbsent(time) ? now : parseTime(time);
  if (said === null) throw invalidProperty(`${path}.at`, "must be a time in ISO 8601, with its time zone");
  return { userId, kind, at: Math.min(said, now) };
}
