import { invalidProperty, missingProperty } from "./errors.ts";
import { isAbsent, isJsonObject } from "./json-object.ts";

/** When a message is sent, counted from the request or, in a batch, from the message before. */
export interface Schedule {
  delayMs: number;
  /** How long its sender is seen typing before. */
  typingMs: number;
}

const MAX_SECONDS = 300;
const AT_ONCE: Schedule = { delayMs: 0, typingMs: 0 };

/** @throws LayerError 422 `missing_property` `schedule.delay_in_seconds` */
export function requireDelay(schedule: unknown): void {
  if (isJsonObject(schedule) && isAbsent(schedule.delay_in_seconds)) throw missingProperty("schedule.delay_in_seconds");
}

/**
 * Parses the `schedule` of a message (server API 7.2), in seconds with fractions; null when it has none. In a batch
 * there is no least delay (7.3), nor therefore a least time of typing.
 * @throws LayerError 422 `invalid_property` `schedule…`
 */
export function parseSchedule(schedule: unknown, { inBatch }: { readonly inBatch: boolean }): Schedule | null {
  if (isAbsent(schedule)) return null;
  if (!isJsonObject(schedule)) throw invalidProperty("schedule", "must be an object");
  const least = inBatch ? 0 : 1;
  const { delay_in_seconds: delay, typing_indicator_in_seconds: typing } = schedule;
  const delayMs = milliseconds(delay, "schedule.delay_in_seconds", least, MAX_SECONDS);
  if (isAbsent(typing)) return { delayMs, typingMs: 0 };
  const typingMs = milliseconds(typing, "schedule.typing_indicator_in_seconds", least, delayMs / 1_000);
  return { delayMs, typingMs };
}

/** A message of a batch without a schedule is sent as soon as the one before. */
export const parseBatchSchedule = (schedule: unknown): Schedule =>
  parseSchedule(schedule, { inBatch: true }) ?? AT_ONCE;

function milliseconds(value: unknown, property: string, min: number, max: number): number {
  if (typeof value !== "number" || value < min || value > max) {
    throw invalidProperty(property, `must be a number from ${min} to ${max}`);
  }
  return Math.round(value * 1_000);
}
