/** How long after a miss the next attempt is made (server API 14.3); behind the last one it is given up. */
const BACKOFF_SECONDS = [10, 30, 120, 300, 1_200] as const;

/** When a call is tried again that has failed so many times; null: never. */
export function nextAttemptAt(attempts: number, now: number): number | null {
  const seconds = BACKOFF_SECONDS[attempts - 1];
  return seconds === undefined ? null : now + seconds * 1_000;
}
