import { setTimeout as wait } from "node:timers/promises";
import type { Closable } from "./closing.ts";
import type { Logger } from "./logger.ts";

/**
 * Runs `work` again and again, `everyMs` after the end of the last run (give or take a quarter, so that replicas do not
 * march in step). Runs never overlap; a failing one is logged and tried again at the next turn. Closing waits for the
 * run under way.
 */
export function repeat(everyMs: number, work: () => Promise<void>, log: Logger): Closable {
  const closing = new AbortController();
  const running = (async () => {
    while (!closing.signal.aborted) {
      try {
        await wait(everyMs * (0.75 + Math.random() / 2), undefined, { signal: closing.signal });
      } catch {
        // Closing: no further run.
        return;
      }
      try {
        await work();
      } catch (error) {
        log.warn("repeated work failed; it is tried again", { error });
      }
    }
  })();
  return {
    async close() {
      closing.abort();
      await running;
    },
  };
}
