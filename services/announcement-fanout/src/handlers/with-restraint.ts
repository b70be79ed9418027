import { setTimeout as wait } from "node:timers/promises";
import pLimit from "p-limit";
import type { Restraint } from "../domain/restraint.ts";
import type { FanOutMetrics } from "../metrics.ts";
import type { FanOutDeps } from "./take-step.ts";

type Pace = NonNullable<FanOutDeps["pace"]>;

interface Deps {
  readonly restraint: Pick<Restraint, "begin" | "restMs">;
  readonly metrics: Pick<FanOutMetrics, "restSeconds">;
  readonly rest?: (ms: number) => Promise<unknown>;
}

/** The same pace, and while there is restraint one step at a time, with a rest behind each for as long as it says. */
export function withRestraint(pace: Pace, { restraint, metrics, rest = wait }: Deps): Pace {
  const oneByOne = pLimit(1);
  const restingAfter = async <T>(work: () => Promise<T>): Promise<T> => {
    const begunAt = performance.now();
    try {
      return await work();
    } finally {
      const restMs = restraint.restMs(performance.now() - begunAt);
      metrics.restSeconds.inc(restMs / 1_000);
      if (restMs >= 1) await rest(restMs);
    }
  };
  return (work, ...given) =>
    pace(() => (restraint.begin() ? oneByOne(restingAfter, () => work(...given)) : restingAfter(() => work(...given))));
}
