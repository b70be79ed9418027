import { Buffer, isUtf8 } from "node:buffer";
import { invalidProperty, missingProperty } from "./errors.ts";
import { isAbsent, isJsonObject } from "./json-object.ts";
import type { JsonObject } from "./json-object.ts";

/** A part as it is stored and travels between services: text where its bytes are text, else base64. */
export interface MessagePart {
  mimeType: string;
  body: string;
  /** null: `body` is text; base64: `body` is bytes that are not valid UTF-8. */
  encoding: "base64" | null;
}

export interface PartLimits {
  /** Parts per message or announcement (server API 16: 1,000). */
  readonly maxParts: number;
  /** Bytes of one inline part, decoded (server API 4.5: 2,048). */
  readonly maxPartBytes: number;
}

/**
 * The required members of a `parts` list, which the order of checks (server API 3.3) puts before every value check.
 * @throws LayerError 422 `missing_property` for an empty list, or for a part without `mime_type` or `body`
 */
export function requirePartProperties(parts: unknown): void {
  if (!Array.isArray(parts)) return;
  if (parts.length === 0) throw missingProperty("parts");
  for (const part of parts as unknown[]) {
    if (!isJsonObject(part)) continue;
    if (isAbsent(part.mime_type)) throw missingProperty("parts.mime_type");
    if (isAbsent(part.body) && isAbsent(part.content)) throw missingProperty("parts.body");
  }
}

/**
 * Checks and normalises the inline parts of a message or an announcement (server API 4.5). base64 that holds valid
 * UTF-8 comes out as text; line breaks and missing padding in base64 are tolerated.
 * @throws LayerError 422 `invalid_property`: `parts`, `parts.mime_type`, `parts.body` (also when too long),
 * `parts.encoding` (also for bad base64), `parts.content` (rich content belongs to a conversation)
 */
export function parseInlineParts(parts: unknown, limits: PartLimits): MessagePart[] {
  if (!Array.isArray(parts)) throw invalidProperty("parts", "must be an array");
  if (parts.length > limits.maxParts) throw invalidProperty("parts", `must have at most ${limits.maxParts} entries`);
  return parts.map((part: unknown) => {
    if (!isJsonObject(part)) throw invalidProperty("parts", "must be an array of objects");
    return parseInlinePart(part, limits.maxPartBytes);
  });
}

function parseInlinePart(part: JsonObject, maxBytes: number): MessagePart {
  const { mime_type: mimeType, body, encoding, content } = part;
  if (typeof mimeType !== "string" || mimeType === "" || !isStorableText(mimeType)) {
    throw invalidProperty("parts.mime_type", "must be a string that is not empty");
  }
  if (!isAbsent(content)) throw invalidProperty("parts.content", "cannot be sent here: only inline parts can");
  if (typeof body !== "string") throw invalidProperty("parts.body", "must be a string");
  if (!isAbsent(encoding) && encoding !== "base64") throw invalidProperty("parts.encoding", 'must be null or "base64"');
  const bytes = encoding === "base64" ? decodeBase64(body) : Buffer.from(body);
  if (bytes.length > maxBytes) throw invalidProperty("parts.body", `must have at most ${maxBytes} bytes, decoded`);
  return isUtf8(bytes)
    ? { mimeType, body: bytes.toString("utf8"), encoding: null }
    : { mimeType, body: bytes.toString("base64"), encoding: "base64" };
}

const isStorableText = (text: string): boolean => text.isWellFormed() && !/[\0\r\n]/.test(text);

function decodeBase64(text: string): Buffer {
  // Ruby's encoder breaks lines, and several leave the padding out; Node's decoder would also skip any other character.
  const characters = text.replace(/\s+/g, "").replace(/={1,2}$/, "");
  if (!/^[A-Za-z0-9+/]*$/.test(characters) || characters.length % 4 === 1) {
    throw invalidProperty("parts.encoding", "says base64, but the body is not");
  }
  return Buffer.from(characters, "base64");
}
