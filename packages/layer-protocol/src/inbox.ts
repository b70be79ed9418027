import { invalidProperty, invalidRequest } from "./errors.ts";
import { isAbsent, isJsonObject, type JsonObject } from "./json-object.ts";
import { formatOptionalTime, parseTime } from "./timestamps.ts";

/**
 * Parses the body of `POST …/users/:user/announcements/read`, an extension: `{"until"?: time}`, or none. What came later
 * stays unread; a time of the future is taken for now, which is also what no time means.
 * @throws LayerError 400 `invalid_request`; 422 `invalid_property` `until`
 */
export function parseReadUntil(body: unknown, now: number): number {
  const { until } = optionalJsonObject(body);
  return isAbsent(until) ? now : Math.min(requireTime(until, "until"), now);
}

/** Which of an inbox is listed: an extension. */
export interface InboxFilter {
  /** Only what came after it; milliseconds since 1970. */
  readonly since: number | null;
  readonly unread: boolean;
}

/**
 * Reads `since` and `unread`.
 * @throws LayerError 422 `invalid_property` that names the one
 */
export function parseInboxFilter(query: Readonly<Record<string, unknown>>): InboxFilter {
  const { unread = "false" } = query;
  if (unread !== "true" && unread !== "false") throw invalidProperty("unread", "must be true or false");
  return { since: parseSince(query), unread: unread === "true" };
}

/**
 * Reads `since`; null where there is none.
 * @throws LayerError 422 `invalid_property` `since`
 */
export const parseSince = ({ since }: Readonly<Record<string, unknown>>): number | null =>
  since === undefined ? null : requireTime(since, "since");

/** Clocks differ a little. */
const AHEAD_MS = 60_000;

/**
 * Parses the body of `PUT …/users/:user/visit`, an extension: `{"at"?: time}`, or none, which is now.
 * @throws LayerError 400 `invalid_request`; 422 `invalid_property` `at`, also for a time to come
 */
export function parseVisit(body: unknown, now: number): number {
  const fields = optionalJsonObject(body);
  if (isAbsent(fields.at)) return now;
  const at = requireTime(fields.at, "at");
  if (at > now + AHEAD_MS) throw invalidProperty("at", "is in the future");
  return at;
}

/** `GET …/users/:user/visit`. */
export const visitView = ({ visitedAt, lastSeenAt, createdAt }: Sightings) => ({
  visited_at: formatOptionalTime(visitedAt ?? null),
  last_seen_at: formatOptionalTime(lastSeenAt ?? null),
  known_since: formatOptionalTime(createdAt ?? null),
});

interface Sightings {
  readonly visitedAt?: number | undefined;
  readonly lastSeenAt?: number | undefined;
  readonly createdAt?: number | undefined;
}

function optionalJsonObject(body: unknown): JsonObject {
  if (isAbsent(body)) return {};
  if (!isJsonObject(body)) throw invalidRequest("The body must be a JSON object, or absent");
  return body;
}

function requireTime(value: unknown, property: string): number {
  const time = parseTime(value);
  if (time === null) throw invalidProperty(property, "must be a time in ISO 8601, with its time zone");
  return time;
}
