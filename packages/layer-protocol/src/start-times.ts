import { z } from "zod";
import { invalidProperty, missingProperty } from "./errors.ts";
import { isAbsent, isJsonObject } from "./json-object.ts";

/** At one moment, or when it is this time (`2026-12-01T09:00:00`) on each recipient's own clock. */
export type StartTime = { at: number } | { localTime: string; fallbackTimeZone: string };

const FARTHEST_MS = 400 * 86_400_000;
/** The zone in which a local time comes first is ahead of UTC by this. */
const FIRST_ZONE_MS = 14 * 3_600_000;

/**
 * Parses the `schedule` of an announcement.
 * @throws LayerError 422 `missing_property` or `invalid_property` with the path of what is wrong
 */
export function parseStart(schedule: unknown, now: number): StartTime | undefined {
  if (isAbsent(schedule)) return undefined;
  if (!isJsonObject(schedule)) throw invalidProperty("schedule", "must be an object");
  const { at, local_time: localTime, fallback_time_zone: fallback } = schedule;
  if (isAbsent(localTime)) {
    if (isAbsent(at)) throw missingProperty("schedule.at");
    return { at: parseTime(at, "schedule.at", now) };
  }
  if (!isAbsent(at)) throw invalidProperty("schedule", "has either at or local_time");
  if (isAbsent(fallback)) throw missingProperty("schedule.fallback_time_zone");
  return { localTime: parseLocalTime(localTime, now), fallbackTimeZone: parseTimeZone(fallback) };
}

/** Before when nobody gets it; milliseconds since 1970. */
export function earliestOf(start: StartTime | undefined): number {
  if (start === undefined) return 0;
  return "at" in start ? start.at : Date.parse(`${start.localTime}Z`) - FIRST_ZONE_MS;
}

const Instant = z.iso.datetime({ offset: true });

/** @throws LayerError 422 `invalid_property` for what is no moment, or too far away */
export function parseTime(value: unknown, property: string, now: number): number {
  const parsed = Instant.safeParse(value);
  if (!parsed.success)
    throw invalidProperty(property, "must be an ISO 8601 time with its zone, as 2026-12-01T09:00:00Z");
  return within(Date.parse(parsed.data), property, now);
}

function within(at: number, property: string, now: number): number {
  if (at < 0 || at > now + FARTHEST_MS) throw invalidProperty(property, "must be within 400 days");
  return at;
}

const LocalTime = z.iso.datetime({ local: true });

function parseLocalTime(value: unknown, now: number): string {
  const property = "schedule.local_time";
  const parsed = LocalTime.safeParse(value);
  if (!parsed.success || parsed.data.endsWith("Z")) {
    throw invalidProperty(property, "must be an ISO 8601 time without a zone, as 2026-12-01T09:00:00");
  }
  const asOfUtc = within(Date.parse(`${parsed.data}Z`), property, now);
  return new Date(asOfUtc).toISOString().slice(0, "2026-12-01T09:00:00".length);
}

function parseTimeZone(value: unknown): string {
  const wrong = invalidProperty("schedule.fallback_time_zone", "must be the name of a time zone, as Europe/Berlin");
  if (typeof value !== "string") throw wrong;
  try {
    // Throws for what is no time zone.
    return new Intl.DateTimeFormat("en", { timeZone: value }).resolvedOptions().timeZone;
  } catch {
    throw wrong;
  }
}
