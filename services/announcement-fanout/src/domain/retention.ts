import type { Header } from "./header.ts";
import { firstStartOf } from "./start.ts";

const DAY_MS = 86_400_000;

type Retained = Pick<Header, "at" | "schedule" | "retentionDays">;

/** When its app's retention takes an announcement out of the inboxes; null: never. */
export const retentionEndOf = (header: Retained): number | null =>
  header.retentionDays === null ? null : (firstStartOf(header) ?? header.at) + header.retentionDays * DAY_MS;

/** null is never. */
export const earlierOf = (a: number | null, b: number | null): number | null =>
  a === null || b === null ? (a ?? b) : Math.min(a, b);

/** The end of its time after a change before its start: what was asked for now, else before, or its retention. */
export function changedEnd(
  known: Retained & Pick<Header, "expiresAt">,
  change: Partial<Pick<Header, "expiresAt" | "schedule" | "retentionDays">>,
  now: number,
): number | null {
  const { expiresAt, ...rest } = change;
  // An end that is its retention's is not one that anybody asked for.
  const asked = known.expiresAt === retentionEndOf(known) ? null : known.expiresAt;
  return earlierOf(expiresAt === undefined ? asked : expiresAt, retentionEndOf({ ...known, at: now, ...rest }));
}
