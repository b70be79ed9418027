import { invalidProperty, missingProperty } from "./errors.ts";
import { isAbsent, isJsonObject } from "./json-object.ts";
import type { JsonObject } from "./json-object.ts";
import { earliestOf, parseStart, parseTime, type StartTime } from "./start-times.ts";

/** When, how fast and how an announcement goes out (an extension); only what was asked for is there. Times: milliseconds. */
export interface NormalisedTerms {
  schedule?: StartTime;
  expiresAt?: number;
  throttlePerMinute?: number;
  isSilent?: true;
  priority?: "urgent";
  category?: string;
  includeNewUsersUntil?: number;
}

/** More than anybody can be reached with: a typing error is told, not kept. */
const MOST_PER_MINUTE = 10_000_000;
const MAX_CATEGORY = 64;
const DAY_MS = 86_400_000;
const NEW_USERS_FOR_DAYS = 90;

/**
 * Parses `schedule`, `expires_at`, `throttle`, `silent`, `priority`, `category` and `include_new_users_until` of an
 * announcement. A start that is over is at once, so that a request can be repeated after it.
 * @throws LayerError 422 `missing_property` or `invalid_property` with the path of what is wrong
 */
export function parseAnnouncementTerms(fields: JsonObject, now: number): NormalisedTerms {
  const schedule = parseStart(fields.schedule, now);
  const expiresAt = isAbsent(fields.expires_at) ? undefined : parseTime(fields.expires_at, "expires_at", now);
  if (expiresAt !== undefined && expiresAt <= Math.max(now, earliestOf(schedule))) {
    throw invalidProperty("expires_at", "must be later than now and than the start");
  }
  const throttlePerMinute = parseThrottle(fields.throttle);
  const category = parseCategory(fields.category);
  const includeNewUsersUntil = parseNewUsersUntil(fields, now, expiresAt);
  return {
    ...(includeNewUsersUntil === undefined ? {} : { includeNewUsersUntil }),
    ...(schedule === undefined ? {} : { schedule }),
    ...(expiresAt === undefined ? {} : { expiresAt }),
    ...(throttlePerMinute === undefined ? {} : { throttlePerMinute }),
    ...(parseFlag(fields.silent, "silent") ? { isSilent: true } : {}),
    ...(parsePriority(fields.priority) === "urgent" ? { priority: "urgent" } : {}),
    ...(category === undefined ? {} : { category }),
  };
}

function parseNewUsersUntil(fields: JsonObject, now: number, expiresAt: number | undefined): number | undefined {
  const property = "include_new_users_until";
  const value = fields[property];
  if (isAbsent(value)) return undefined;
  if (isAbsent(fields["audience"])) throw invalidProperty(property, "goes with an audience only");
  const until = parseTime(value, property, now);
  if (until <= now) throw invalidProperty(property, "must be later than now");
  if (until > now + NEW_USERS_FOR_DAYS * DAY_MS) {
    throw invalidProperty(property, `must be within ${NEW_USERS_FOR_DAYS} days`);
  }
  const { schedule } = fields;
  if (isJsonObject(schedule) && !isAbsent(schedule.local_time)) {
    throw invalidProperty(property, "cannot go with schedule.local_time");
  }
  if (expiresAt !== undefined && until >= expiresAt) throw invalidProperty(property, "must be before expires_at");
  return until;
}

function parseThrottle(throttle: unknown): number | undefined {
  if (isAbsent(throttle)) return undefined;
  if (!isJsonObject(throttle)) throw invalidProperty("throttle", "must be an object");
  const { per_minute: perMinute } = throttle;
  if (isAbsent(perMinute)) throw missingProperty("throttle.per_minute");
  if (!Number.isInteger(perMinute) || Number(perMinute) < 1 || Number(perMinute) > MOST_PER_MINUTE) {
    throw invalidProperty("throttle.per_minute", `must be an integer from 1 to ${MOST_PER_MINUTE}`);
  }
  return Number(perMinute);
}

export function parsePriority(priority: unknown): "normal" | "urgent" {
  if (isAbsent(priority)) return "normal";
  if (priority !== "normal" && priority !== "urgent") throw invalidProperty("priority", "must be normal or urgent");
  return priority;
}

export function parseCategory(category: unknown): string | undefined {
  if (isAbsent(category)) return undefined;
  if (typeof category !== "string" || category === "" || category.length > MAX_CATEGORY) {
    throw invalidProperty("category", `must be a text of 1 to ${MAX_CATEGORY} characters`);
  }
  return category;
}

function parseFlag(flag: unknown, property: string): boolean {
  if (isAbsent(flag)) return false;
  if (typeof flag !== "boolean") throw invalidProperty(property, "must be true or false");
  return flag;
}
