import { invalidRequest } from "./errors.ts";
import { requireJsonObject } from "./json-object.ts";
import { parseMessagePart, parseMessageParts, requireOnePart, requirePartProperties } from "./message-parts.ts";
import type { NewPart, PartParsing } from "./message-parts.ts";
import { isUuid, parsePartUri } from "./ids.ts";

/** A part by its own id, or by its place where ids are older than that (server API 7.6). */
export type PartReference = { partId: string } | { index: number };

/**
 * The part that a path names: a UUID, a place, or the URI that ends in either; null for what can be none.
 */
export function parsePartReference(messageId: string, text: string): PartReference | null {
  if (isUuid(text)) return { partId: text.toLowerCase() };
  const isUri = text.startsWith("layer:///");
  const named = parsePartUri("messages", isUri ? text : `layer:///messages/${messageId}/parts/${text}`);
  if (named === null || named.uuid !== messageId) return null;
  return typeof named.part === "string" ? { partId: named.part } : { index: named.part };
}

/**
 * Parses a body that is one part (server API 7.6).
 * @throws LayerError 400 `invalid_request`; 422 `missing_property` and `invalid_property` `parts…`
 */
export function parsePartBody(body: unknown, options: PartParsing): NewPart {
  const part = requireJsonObject(body);
  requireOnePart(part);
  return parseMessagePart(part, options);
}

/**
 * Parses a body that is all parts of a message.
 * @throws LayerError as `parsePartBody`; 422 `missing_property` `parts` for none
 */
export function parsePartsBody(body: unknown, options: PartParsing): NewPart[] {
  if (!Array.isArray(body)) throw invalidRequest("The body must be an array of parts");
  requirePartProperties(body);
  return parseMessageParts(body, options);
}
