import { setTimeout as wait } from "node:timers/promises";
import type { Restraint } from "../domain/restraint.ts";
import type { FanOutMetrics } from "../metrics.ts";
import type { FanOutDeps } from "./take-step.ts";

type Pace = NonNullable<FanOutDeps["pace"]>;

interface Deps {
  readonly restraint: Pick<Restraint, "restMs">;
  readonly metrics: Pick<FanOutMetrics, "restSeconds">;
  readonly rest?: (ms: number) => Promise<unknown>;
}

/** The same pace, with a rest after each step for as long as `restraint` says; whoever is next waits for its end. */
export const withRestraint =
  (pace: Pace, { restraint, metrics, rest = wait }: Deps): Pace =>
  (work, ...given) =>
    pace(async () => {
      const begunAt = performance.now();
      try {
        return await work(...given);
      } finally {
        const restMs = restraint.restMs(performance.now() - begunAt);
        metrics.restSeconds.inc(restMs / 1_000);
        if (restMs >= 1) await rest(restMs);
      }
    });
