import { invalidProperty, invalidRequest } from "./errors.ts";
import { isAbsent, isJsonObject } from "./json-object.ts";

/**
 * Between two neighbours on the wire (server API 20): clients place what they have not sent yet in between, and 2^33
 * messages of one conversation still have positions that a JSON number holds exactly.
 */
const STEP = 2 ** 20;

/** The position of the n-th message of a conversation (1 is the first) as clients see it. */
export const wirePosition = (sequence: number): number => sequence * STEP;

/** The message at a position of the wire, or the last one before it: clients have positions of their own in between. */
export const sequenceAt = (position: number): number => Math.floor(position / STEP);

/**
 * Parses the body of `POST …/mark_all_read` (server API 6.6): which message is the last that was read; null, and no body
 * at all, mean the newest.
 * @throws LayerError 400 `invalid_request`; 422 `invalid_property` `position`
 */
export function parseReadPosition(body: unknown): number | null {
  if (isAbsent(body)) return null;
  if (!isJsonObject(body)) throw invalidRequest("The body must be a JSON object, or absent");
  const { position } = body;
  if (isAbsent(position)) return null;
  if (typeof position !== "number" || position < 0 || position > Number.MAX_SAFE_INTEGER) {
    throw invalidProperty("position", "must be a position of this conversation, or null");
  }
  return sequenceAt(position);
}
