import type { Closable } from "./closing.ts";
import type { Logger } from "./logger.ts";
import { repeat } from "./repeat.ts";

interface DueWork<Row> {
  /** How often it is looked for what is due. */
  readonly everyMs: number;
  /** How many rows one process works on at once. */
  readonly workers: number;
  /** Takes the row that is due longest, so that nobody else has it for the length of a lease; null when none is due. */
  readonly claim: () => Promise<Row | null>;
  readonly work: (row: Row, closing: AbortSignal) => Promise<void>;
  readonly log: Logger;
}

/**
 * Works off rows that are due, and looks again and again whether there are more. Safe in every replica, as far as a
 * claimed row is nobody else's. While nothing is due, a turn costs one claim. A worker whose work fails ends for this
 * turn, and its row is due again when its lease is over, or when the work has given it back. Closing lets the work under
 * way finish and claims nothing more.
 */
export function workOffDue<Row>({ everyMs, workers, claim, work, log }: DueWork<Row>): Closable {
  const closing = new AbortController();
  const next = async (): Promise<Row | null> => (closing.signal.aborted ? null : claim());
  const workFrom = async (first: Row | null): Promise<void> => {
    for (let row = first; row !== null; row = await next()) await work(row, closing.signal);
  };
  const turn = async (): Promise<void> => {
    const first = await next();
    if (first === null) return;
    const others = Array.from({ length: workers - 1 }, async () => workFrom(await next()));
    const results = await Promise.allSettled([workFrom(first), ...others]);
    const failure = results.find((result) => result.status === "rejected");
    if (failure) throw failure.reason;
  };
  const repeated = repeat(everyMs, turn, log);
  return {
    async close() {
      closing.abort();
      await repeated.close();
    },
  };
}
