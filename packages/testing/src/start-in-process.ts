import { createClosing, createLogger, createReadiness, defineConfig, silentLogger } from "@strata/runtime";
import type { Closing, Logger, Readiness, ServiceContext } from "@strata/runtime";
import { Registry } from "prom-client";
import { z } from "zod";

/** A service that runs inside the test's own process. Disposing closes what it opened, in reverse order. */
export interface InProcessService extends AsyncDisposable {
  readonly closing: Closing;
  readonly readiness: Readiness;
  readonly metrics: Registry;
}

const loadTestLogConfig = defineConfig({ TEST_LOG_LEVEL: z.enum(["error", "warn", "info", "debug"]).optional() });

/** Silent, unless TEST_LOG_LEVEL asks to see what happened in a failing test. */
export const testLogger = (name: string): Logger => {
  const { TEST_LOG_LEVEL } = loadTestLogConfig(process.env);
  return TEST_LOG_LEVEL === undefined ? silentLogger : createLogger({ service: name, level: TEST_LOG_LEVEL });
};

/** Runs a service's `start` as `runService` would, without signals and probes. A failing start closes what it opened. */
export const startInProcess = async <C>(
  start: (context: ServiceContext<C>) => Promise<void>,
  options: { readonly name: string; readonly config: C; readonly log?: Logger },
): Promise<InProcessService> => {
  const { name, config, log = testLogger(name) } = options;
  const closing = createClosing(log);
  const readiness = createReadiness();
  const metrics = new Registry();
  try {
    await start({ name, config, log, closing, readiness, metrics });
  } catch (error) {
    // What does not close either is logged; why it did not start is what the test must show.
    await closing.closeAll().catch(() => {});
    throw error;
  }
  return {
    closing,
    readiness,
    metrics,
    [Symbol.asyncDispose]: async () => {
      readiness.shutDown();
      await closing.closeAll();
    },
  };
};
