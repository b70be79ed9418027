import { invalidProperty, invalidRequest } from "./errors.ts";
import { isAbsent, isJsonObject } from "./json-object.ts";
import { parseTime } from "./timestamps.ts";

/**
 * Parses the body of `POST …/users/:user/announcements/read`, an extension: `{"until"?: time}`, or none. What came later
 * stays unread; a time of the future is taken for now, which is also what no time means.
 * @throws LayerError 400 `invalid_request`; 422 `invalid_property` `until`
 */
export function parseReadUntil(body: unknown, now: number): number {
  if (isAbsent(body)) return now;
  if (!isJsonObject(body)) throw invalidRequest("The body must be a JSON object, or absent");
  if (isAbsent(body.until)) return now;
  return Math.min(requireTime(body.until, "until"), now);
}

function requireTime(value: unknown, property: string): number {
  const time = parseTime(value);
  if (time === null) throw invalidProperty(property, "must be a time in ISO 8601, with its time zone");
  return time;
}
