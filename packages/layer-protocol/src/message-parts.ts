import { Buffer, isUtf8 } from "node:buffer";
import { parseContentReference } from "./content-request.ts";
import { invalidProperty, missingProperty } from "./errors.ts";
import { isUuid, parsePartUri } from "./ids.ts";
import { isAbsent, isJsonObject } from "./json-object.ts";
import type { JsonObject } from "./json-object.ts";
import { hasAddressableParts } from "./versions.ts";
import type { LayerVersion } from "./versions.ts";

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
  for (const part of parts as unknown[]) if (isJsonObject(part)) requireOnePart(part);
}

/** The same for one part alone. */
export function requireOnePart(part: JsonObject): void {
  if (isAbsent(part.mime_type)) throw missingProperty("parts.mime_type");
  if (isAbsent(part.body) && isAbsent(part.content)) throw missingProperty("parts.body");
}

/** A part as it is sent; without a `partId` its message's owner makes one. */
export interface NewPart {
  partId: string | null;
  mimeType: string;
  /** null with `content`. */
  body: string | null;
  encoding: "base64" | null;
  content: { contentId: string; size: number } | null;
}

/** How the parts of one message are read. */
export interface PartParsing extends PartLimits {
  readonly version: LayerVersion;
  readonly messageId: string;
}

/**
 * Checks and normalises the parts of a message (server API 4.5): inline, or a reference to content that was uploaded
 * before. In 3.0 they may bring ids of their own, each once; before it an id is a place, and is ignored.
 * @throws LayerError 422 `invalid_property`: as `parseInlineParts`, `parts.content` and `parts.id`
 */
export function parseMessageParts(parts: unknown, options: PartParsing): NewPart[] {
  const parsed = eachPart(parts, options.maxParts, (part) => parseMessagePart(part, options));
  const ids = parsed.flatMap(({ partId }) => partId ?? []);
  if (new Set(ids).size < ids.length) throw invalidProperty("parts.id", "must be there once only");
  return parsed;
}

/** The same for one part alone, as the body of a request has it (server API 7.6). */
export function parseMessagePart(part: JsonObject, options: PartParsing): NewPart {
  const mimeType = parseMimeType(part);
  if (/;\s*role\s*=\s*response_summary\s*(;|$)/i.test(mimeType)) {
    throw invalidProperty("parts.mime_type", "must not have the role response_summary, which the server keeps");
  }
  const content = parseContentReference(part.content);
  const inline = content === null ? parseBody(part, options.maxPartBytes) : { body: null, encoding: null };
  const partId = hasAddressableParts(options.version) ? parsePartId(part.id, options.messageId) : null;
  return { partId, mimeType, ...inline, content };
}

function parsePartId(id: unknown, messageId: string): string | null {
  if (isAbsent(id)) return null;
  if (typeof id === "string" && isUuid(id)) return id.toLowerCase();
  const named = typeof id === "string" ? parsePartUri("messages", id) : null;
  if (named === null || typeof named.part !== "string" || named.uuid !== messageId) {
    throw invalidProperty("parts.id", "must be layer:///messages/<uuid of this message>/parts/<uuid>");
  }
  return named.part;
}

/**
 * Checks and normalises the inline parts of an announcement (server API 4.5). base64 that holds valid UTF-8 comes out as
 * text; line breaks and missing padding in base64 are tolerated.
 * @throws LayerError 422 `invalid_property`: `parts`, `parts.mime_type`, `parts.body` (also when too long),
 * `parts.encoding` (also for bad base64), `parts.content` (rich content belongs to a conversation)
 */
export const parseInlineParts = (parts: unknown, { maxParts, maxPartBytes }: PartLimits): MessagePart[] =>
  eachPart(parts, maxParts, (part) => {
    const mimeType = parseMimeType(part);
    if (!isAbsent(part.content)) throw invalidProperty("parts.content", "cannot be sent here: only inline parts can");
    return { mimeType, ...parseBody(part, maxPartBytes) };
  });

function eachPart<Part>(parts: unknown, maxParts: number, parse: (part: JsonObject) => Part): Part[] {
  if (!Array.isArray(parts)) throw invalidProperty("parts", "must be an array");
  if (parts.length > maxParts) throw invalidProperty("parts", `must have at most ${maxParts} entries`);
  return parts.map((part: unknown) => {
    if (!isJsonObject(part)) throw invalidProperty("parts", "must be an array of objects");
    return parse(part);
  });
}

function parseBody({ body, encoding }: JsonObject, maxBytes: number): Pick<MessagePart, "body" | "encoding"> {
  if (typeof body !== "string") throw invalidProperty("parts.body", "must be a string");
  if (!isAbsent(encoding) && encoding !== "base64") throw invalidProperty("parts.encoding", 'must be null or "base64"');
  const bytes = encoding === "base64" ? decodeBase64(body) : Buffer.from(body);
  if (bytes.length > maxBytes) throw invalidProperty("parts.body", `must have at most ${maxBytes} bytes, decoded`);
  return isUtf8(bytes)
    ? { body: bytes.toString("utf8"), encoding: null }
    : { body: bytes.toString("base64"), encoding: "base64" };
}

function parseMimeType({ mime_type: mimeType }: JsonObject): string {
  if (typeof mimeType !== "string" || mimeType === "" || !isStorableText(mimeType)) {
    throw invalidProperty("parts.mime_type", "must be a string that is not empty");
  }
  return mimeType;
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
