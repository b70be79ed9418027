import type { ContentReference } from "./content-views.ts";
import { invalidProperty } from "./errors.ts";
import { parseObjectId } from "./ids.ts";
import { isAbsent, isJsonObject } from "./json-object.ts";
import { layerError } from "./layer-error.ts";

/** Bytes that a caller wants to upload. */
export interface ContentAnnouncement {
  readonly mimeType: string;
  readonly size: number;
  /** The web origin whose pages may upload them; null: pages may not. */
  readonly origin: string | null;
}

const TYPE = "Upload-Content-Type";
const LENGTH = "Upload-Content-Length";
const ORIGIN = "Upload-Origin";
const MAX_HEADER_LENGTH = 255;

/**
 * The headers that announce content (server API 12). Their names are no properties, so errors name them in `data.header`.
 * @throws LayerError 422 `missing_property`, then 422 `invalid_property`, both with `data.header`
 */
export function parseContentHeaders(
  header: (name: string) => string | undefined,
  maxBytes: number,
): ContentAnnouncement {
  const mimeType = requireHeader(TYPE, header);
  const length = requireHeader(LENGTH, header);
  if (mimeType.length > MAX_HEADER_LENGTH || !/^[\x20-\x7e]+$/.test(mimeType)) {
    throw invalidHeaderValue(TYPE, `must be a MIME type of at most ${MAX_HEADER_LENGTH} characters`);
  }
  if (!/^\d{1,15}$/.test(length)) throw invalidHeaderValue(LENGTH, "must be a number of bytes");
  const size = Number(length);
  if (size > maxBytes) throw invalidHeaderValue(LENGTH, `must be at most ${maxBytes}`);
  return { mimeType, size, origin: originOf(header(ORIGIN)) };
}

function requireHeader(name: string, header: (name: string) => string | undefined): string {
  const value = header(name)?.trim();
  if (value === undefined || value === "") {
    throw layerError("missing_property", `The header ${name} is required`, { header: name });
  }
  return value;
}

/** As browsers send it in `Origin`: scheme, host and port, in lower case, with no slash at the end. */
function originOf(text: string | undefined): string | null {
  const trimmed = text?.trim() ?? "";
  if (trimmed === "") return null;
  const origin = URL.canParse(trimmed) ? new URL(trimmed).origin : "null";
  if (origin === "null" || origin.length > MAX_HEADER_LENGTH) {
    throw invalidHeaderValue(ORIGIN, "must be a web origin, such as https://app.example.com");
  }
  return origin;
}

const invalidHeaderValue = (header: string, reason: string) =>
  layerError("invalid_property", `The header ${header} ${reason}`, { header });

/**
 * The `content` of a part that is sent: `{id, size}` (server API 12); null when there is none.
 * @throws LayerError 422 `invalid_property` `parts.content`
 */
export function parseContentReference(content: unknown): ContentReference | null {
  if (isAbsent(content)) return null;
  const property = "parts.content";
  if (!isJsonObject(content)) throw invalidProperty(property, "must be an object");
  const { id, size } = content;
  const contentId = typeof id === "string" ? parseObjectId("content", id) : null;
  if (contentId === null) throw invalidProperty(property, "must have an id of the form layer:///content/<uuid>");
  if (typeof size !== "number" || !Number.isSafeInteger(size) || size < 0) {
    throw invalidProperty(property, "must have a size in bytes");
  }
  return { contentId, size };
}
