import type { Logger } from "@strata/runtime";
import { CircuitState, circuitBreaker, handleType, isBrokenCircuitError } from "cockatiel";
import { CallError } from "./call-url.ts";
import { silence } from "./domain/silence.ts";

/** Spares backends that do not answer: each question to one would take its whole time, and a place of the replica with it. */
export interface Circuits {
  /**
   * Makes the call; null where the app's backend has not answered lately, and is not called now. Once the cool-down is over
   * one call is made, and no other until it is answered: whoever else asks cannot wait for two.
   * @throws CallError
   */
  run<T>(app: string, url: string, call: () => Promise<T>): Promise<T | null>;
}

interface Options {
  readonly coolDownMs: number;
  readonly log: Logger;
  /** How long a silence must be. */
  readonly longMs?: number;
  readonly maxCircuits?: number;
}

/** Beyond them, the one that was used longest ago is forgotten: its backend is called again. */
const MAX_CIRCUITS = 10_000;

type Circuit = ReturnType<typeof circuitOf>;

/** One for each app and URL, so that a policy with another URL begins anew. In memory: each process finds out by itself. */
export function circuits(options: Options): Circuits {
  const { maxCircuits = MAX_CIRCUITS } = options;
  const known = new Map<string, Circuit>();
  return {
    run(app, url, call) {
      const key = `${app} ${url}`;
      const circuit = known.get(key) ?? circuitOf(app, options);
      // Put behind all others, so that the order of the map is that of their use.
      known.delete(key);
      known.set(key, circuit);
      const [oldest] = known.keys();
      if (known.size > maxCircuits && oldest !== undefined) known.delete(oldest);
      return circuit(call);
    },
  };
}

/** An answer is one whatever its status: it kept nobody longer than a good one would. */
function circuitOf(app: string, { coolDownMs, longMs, log }: Options) {
  const heard = silence(longMs === undefined ? {} : { longMs });
  const breaker = circuitBreaker(handleType(CallError), {
    halfOpenAfter: coolDownMs,
    breaker: { state: null, success: () => heard.answered(), failure: () => heard.isLong() },
  });
  let isTold = false;
  // A trial that fails opens it once more, which is no news.
  breaker.onBreak(() => {
    if (!isTold) log.warn("a backend does not answer, and is spared", { app, coolDownMs });
    isTold = true;
  });
  breaker.onReset(() => {
    log.info("a backend that was spared answers again", { app });
    isTold = false;
  });
  return async <T>(call: () => Promise<T>): Promise<T | null> => {
    if (breaker.state === CircuitState.HalfOpen) return null;
    const askedAt = Date.now();
    try {
      return await breaker.execute(() =>
        call().catch((error: unknown) => {
          heard.missed(askedAt);
          throw error;
        }),
      );
    } catch (error) {
      if (isBrokenCircuitError(error)) return null;
      throw error;
    }
  };
}
