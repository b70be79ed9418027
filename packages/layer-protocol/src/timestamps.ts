/** Milliseconds since 1970 as the wire has them: ISO 8601, UTC, milliseconds, `Z` (server API 2.6). */
export const formatTime = (atMs: number): string => new Date(atMs).toISOString();

/** As `formatTime`; a time that is not known yet is an explicit null. */
export const formatOptionalTime = (atMs: number | null): string | null => (atMs === null ? null : formatTime(atMs));
