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
 * claimed row is nobody else's. While nothing is due, a turn costs one claim. A row that takes long holds up its worker alone:
 * what becomes due meanwhile is for those who are free. Work that fails is logged, and its row is due again when its lease is
 * over, or when the work has given it back. Closing lets the work under way finish and claims nothing more.
 */
export function workOffDue<Row>({ everyMs, workers, claim, work, log }: DueWork<Row>): Closable {
  const closing = new AbortController();
  const underWay = new Set<Promise<void>>();
  const next = async (): Promise<Row | null> => (closing.signal.aborted ? null : claim());
  const workFrom = async (first: Row): Promise<void> => {
    for (let row: Row | null = first; row !== null; row = await next()) await work(row, closing.signal);
  };
  const begin = (row: Row): void => {
    const working = workFrom(row)
      .catch((error: unknown) => log.warn("work that was due failed; it is due again later", { error }))
      .finally(() => underWay.delete(working));
    underWay.add(working);
  };
  const turn = async (): Promise<void> => {
    while (underWay.size < workers) {
      const row = await next();
      if (row === null) return;
      begin(row);
    }
  };
  const repeated = repeat(everyMs, turn, log);
  return {
    async close() {
      closing.abort();
      await repeated.close();
      await Promise.all(underWay);
    },
  };
}
