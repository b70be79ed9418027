import { invalidProperty, invalidRequestId } from "./errors.ts";
import { parseObjectId, isUuid } from "./ids.ts";
import type { ObjectKind } from "./ids.ts";
import { isAbsent } from "./json-object.ts";
import type { JsonObject } from "./json-object.ts";

/**
 * The UUID of `If-None-Match` on a create, in lower case; null when the header is absent (server API 2.4). It becomes
 * the id of the created object. The ETag form is tolerated: quotes and `W/` are stripped.
 * @throws LayerError 400 `invalid_request_id` when it is not a UUID
 */
export function parseIfNoneMatch(header: string | undefined): string | null {
  if (header === undefined) return null;
  const uuid = header
    .trim()
    .replace(/^W\//i, "")
    .replace(/^"(.*)"$/, "$1");
  if (!isUuid(uuid)) throw invalidRequestId("If-None-Match", "must be a UUID");
  return uuid.toLowerCase();
}

const MAX_IDEMPOTENCY_KEY = 255;

/**
 * The text of `Idempotency-Key`, as it came; null when the header is absent. A client's own word, so any text will do.
 * @throws LayerError 400 `invalid_request_id` when it does not have 1 to 255 characters
 */
export function parseIdempotencyKey(header: string | undefined): string | null {
  if (header === undefined) return null;
  if (header.length < 1 || header.length > MAX_IDEMPOTENCY_KEY) {
    throw invalidRequestId("Idempotency-Key", `must have 1 to ${MAX_IDEMPOTENCY_KEY} characters`);
  }
  return header;
}

/**
 * The id the client chose for what it creates: the header's, else the body's `id` (URI or bare UUID), else null and
 * the server chooses (server API 2.4: the header wins).
 * @throws LayerError 422 `invalid_property` `id`
 */
export function chosenObjectId(kind: ObjectKind, headerUuid: string | null, body: JsonObject): string | null {
  if (headerUuid !== null) return headerUuid;
  if (isAbsent(body.id)) return null;
  const uuid = typeof body.id === "string" ? parseObjectId(kind, body.id) : null;
  if (uuid === null) throw invalidProperty("id", `must be layer:///${kind}/<uuid>`);
  return uuid;
}
