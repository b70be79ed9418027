import type { QuietHours } from "@strata/contracts";
import { localTimeOf, momentOf } from "@strata/local-time";

const DAY_MS = 86_400_000;

/**
 * When the quiet hours that a moment lies in end; null when it lies in none. They are stretches of time from one local time
 * to another, also on days on which clocks are changed: each begins and ends once.
 */
export function quietUntil({ from, to }: QuietHours, timeZone: string, at: number): number | null {
  // Those that began yesterday may still last.
  for (const dayMs of [-DAY_MS, 0]) {
    const begins = localDateOf(at, timeZone, dayMs);
    const ends = from < to ? begins : localDateOf(at, timeZone, dayMs + DAY_MS);
    const end = momentOf(`${ends}T${to}:00`, timeZone);
    if (momentOf(`${begins}T${from}:00`, timeZone) <= at && at < end) return end;
  }
  return null;
}

/** The date that clocks show, and not that of a moment a day away: days of 23 and 25 hours have their own dates. */
const localDateOf = (at: number, timeZone: string, offsetMs: number): string =>
  new Date(Date.parse(`${localTimeOf(at, timeZone)}Z`) + offsetMs).toISOString().slice(0, 10);

/** `quietUntil` of one moment, worked out once for all recipients who share hours and zone: reading clocks is dear. */
export function quietUntilAt(at: number): (quietHours: QuietHours, timeZone: string) => number | null {
  const known = new Map<string, number | null>();
  return (quietHours, timeZone) => {
    const key = `${quietHours.from} ${quietHours.to} ${timeZone}`;
    const found = known.get(key);
    if (found !== undefined) return found;
    const end = quietUntil(quietHours, timeZone, at);
    known.set(key, end);
    return end;
  };
}
