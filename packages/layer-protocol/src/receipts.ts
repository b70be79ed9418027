import { invalidProperty } from "./errors.ts";
import { requireJsonObject, requireProperties } from "./json-object.ts";

/** What a recipient can report. */
export type ReceiptKind = "delivered" | "read";

const KINDS: Readonly<Record<string, ReceiptKind>> = { read: "read", delivered: "delivered", delivery: "delivered" };

/**
 * Parses the body of `POST …/receipts` (server API 11, 20): `{"type": "read" | "delivered" | "delivery"}`, the last
 * being what the web clients send.
 * @throws LayerError 400 `invalid_request`; 422 `missing_property` or `invalid_property` `type`
 */
export function parseReceipt(body: unknown): ReceiptKind {
  const fields = requireJsonObject(body);
  requireProperties(fields, ["type"]);
  const type = fields.type;
  const kind = typeof type === "string" && Object.hasOwn(KINDS, type) ? KINDS[type] : undefined;
  if (kind === undefined) throw invalidProperty("type", "must be read or delivered");
  return kind;
}
