import { z } from "zod";

/** Milliseconds since 1970 as the wire has them: ISO 8601, UTC, milliseconds, `Z` (server API 2.6). */
export const formatTime = (atMs: number): string => new Date(atMs).toISOString();

/** As `formatTime`; a time that is not known yet is an explicit null. */
export const formatOptionalTime = (atMs: number | null): string | null => (atMs === null ? null : formatTime(atMs));

const IsoTime = z.iso.datetime({ offset: true });

/** Milliseconds since 1970 of a time in ISO 8601 that names its offset (`Z` or `+02:00`); null for anything else. */
export function parseTime(value: unknown): number | null {
  const parsed = IsoTime.safeParse(value);
  const atMs = parsed.success ? Date.parse(parsed.data) : Number.NaN;
  return Number.isFinite(atMs) && atMs >= 0 ? atMs : null;
}
