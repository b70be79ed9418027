import type { Schedule } from "@strata/contracts";
import { momentOf } from "@strata/local-time";

const DAY_MS = 86_400_000;

/** What of a header says when its time ends. */
interface Retained {
  readonly at: number;
  readonly schedule: Schedule | null;
  readonly retentionDays: number | null;
}

interface Ending extends Retained {
  readonly expiresAt: number | null;
}

/** The last zone on earth to see a local time. */
const LAST_ZONE = "Etc/GMT+12";

/** From when everybody has it that gets it at its start. */
function startOf({ at, schedule }: Retained): number {
  if (schedule === null) return at;
  return "at" in schedule ? schedule.at : momentOf(schedule.localTime, LAST_ZONE);
}

/** When its app's retention takes an announcement out of the inboxes; null: never. */
export const retentionEndOf = (header: Retained): number | null =>
  header.retentionDays === null ? null : startOf(header) + header.retentionDays * DAY_MS;

/** null is never. */
export const earlierOf = (a: number | null, b: number | null): number | null =>
  a === null || b === null ? (a ?? b) : Math.min(a, b);

/** The end of its time after a change before its start: what was asked for now, else before, or its retention. */
export function changedEnd(known: Ending, change: Partial<Omit<Ending, "at">>, now: number): number | null {
  const { expiresAt, ...rest } = change;
  // An end that is its retention's is not one that anybody asked for.
  const asked = known.expiresAt === retentionEndOf(known) ? null : known.expiresAt;
  return earlierOf(expiresAt === undefined ? asked : expiresAt, retentionEndOf({ ...known, at: now, ...rest }));
}
