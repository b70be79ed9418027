import { setTimeout as wait } from "node:timers/promises";

/** Waits, or stops waiting when the signal is aborted; either way the caller looks around afterwards. */
export const pause = async (ms: number, signal: AbortSignal): Promise<void> => {
  await wait(ms, undefined, { signal }).catch(() => undefined);
};
