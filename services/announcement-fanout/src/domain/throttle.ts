import { RECIPIENTS_PER_BATCH } from "./batch.ts";

const MINUTE_MS = 60_000;

/** How many recipients a throttled announcement gets at a time, and how long it then waits. */
export interface Pace {
  readonly limit: number;
  readonly pauseMs: number;
}

/**
 * The pace that never brings more than `perMinute` recipients into any 60 seconds, wherever they begin: n batches of
 * `limit`, with n × limit ≤ perMinute, at least a minute's n-th part apart. About one a second, where a batch can hold
 * as many; it comes to a few percent less than allowed, never to more.
 */
export function paceOf(perMinute: number): Pace {
  const limit = Math.min(RECIPIENTS_PER_BATCH, Math.max(1, Math.floor(perMinute / 60)));
  return { limit, pauseMs: Math.ceil(MINUTE_MS / Math.floor(perMinute / limit)) };
}
