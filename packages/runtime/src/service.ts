import { collectDefaultMetrics, Registry } from "prom-client";
import type { Closing } from "./closing.ts";
import { createClosing } from "./closing.ts";
import type { RuntimeConfig } from "./config.ts";
import { ConfigError } from "./config.ts";
import type { Readiness } from "./health.ts";
import { createReadiness } from "./health.ts";
import type { Logger } from "./logger.ts";
import { createLogger } from "./logger.ts";
import { openProbes } from "./probes.ts";

/** What a service's `start` is given. */
export interface ServiceContext<C> {
  readonly name: string;
  readonly config: C;
  readonly log: Logger;
  /** Whatever `start` opens goes in here, in the order in which it opens it. */
  readonly closing: Closing;
  readonly readiness: Readiness;
  readonly metrics: Registry;
}

/** One service as a process. */
export interface Service<C> {
  readonly name: string;
  readonly loadConfig: (env: NodeJS.ProcessEnv) => C;
  /** Opens everything and returns when the service works; what it opens keeps the process alive. */
  readonly start: (context: ServiceContext<C>) => Promise<void>;
}

/** sysexits.h EX_CONFIG: tells a supervisor that starting again will not help. */
const EXIT_CONFIG = 78;
const EXIT_FAILED = 1;

/** Shorter than the 30 s of grace that Kubernetes gives by default, so that the last line in the log is ours. */
const FORCE_QUIT_MS = 25_000;

/** Leaves once the log lines on their way are written; they need a turn of the loop. */
const exitSoon = (code: number): void => {
  setImmediate(() => process.exit(code));
};

const configOrExit = <C>({ name, loadConfig }: Service<C>): C | undefined => {
  try {
    return loadConfig(process.env);
  } catch (error) {
    const reason = error instanceof ConfigError ? { faults: error.faults } : { error };
    const message = error instanceof ConfigError ? error.message : "the environment could not be read";
    createLogger({ service: name, level: "info" }).error(message, reason);
    exitSoon(EXIT_CONFIG);
    return undefined;
  }
};

const createMetrics = (service: string): Registry => {
  const metrics = new Registry();
  metrics.setDefaultLabels({ service });
  collectDefaultMetrics({ register: metrics });
  return metrics;
};

/**
 * Runs a service as this process, from reading the environment to exit.
 *
 * Probes answer before `start` runs; `/readyz` says 503 until it has returned. SIGTERM and SIGINT make it not ready,
 * close what was opened in reverse order, and exit 0 (1 where something did not close). Faults of the environment exit
 * 78; a failing start, an unhandled rejection and an uncaught exception exit 1, so that a supervisor starts it afresh
 * instead of it living on half-dead. A shutdown that takes longer than 25 s is cut off.
 */
export const runService = <C extends RuntimeConfig>(service: Service<C>): void => {
  const config = configOrExit(service);
  if (config === undefined) return;

  const log = createLogger({ service: service.name, level: config.LOG_LEVEL });
  const closing = createClosing(log);
  const readiness = createReadiness();
  const metrics = createMetrics(service.name);
  let isStarted = false;
  let isStopping = false;

  const stop = async (exitCode: number): Promise<void> => {
    // A terminal sends SIGINT to a whole process group and a supervisor SIGTERM after it: the second changes nothing.
    if (isStopping) return;
    isStopping = true;
    readiness.shutDown();
    setTimeout(() => {
      log.error("shutdown took too long and is cut off", { afterMs: FORCE_QUIT_MS });
      exitSoon(EXIT_FAILED);
    }, FORCE_QUIT_MS).unref();
    try {
      await closing.closeAll();
      log.info("stopped");
      exitSoon(exitCode);
    } catch {
      // Each failed step has been logged where it failed.
      exitSoon(EXIT_FAILED);
    }
  };

  const crash = (message: string) => (error: unknown) => {
    log.error(message, { error });
    exitSoon(EXIT_FAILED);
  };
  process.on("uncaughtException", crash("uncaught exception"));
  process.on("unhandledRejection", crash("unhandled rejection"));
  for (const signal of ["SIGTERM", "SIGINT"] as const) {
    process.on(signal, () => {
      log.info("stopping", { signal });
      void stop(0);
    });
  }

  const run = async (): Promise<void> => {
    readiness.add("started", () => isStarted);
    const where = { port: config.METRICS_PORT, host: config.LISTEN_HOST };
    const probes = closing.add(await openProbes({ ...where, readiness, metrics }), "probes");
    log.info("probes listening", { port: probes.port });
    await service.start({ name: service.name, config, log, closing, readiness, metrics });
    isStarted = true;
    if (!isStopping) log.info("started");
  };
  run().catch((error: unknown) => {
    // Stopped while starting: what it was about to use is closed already, so its failure means nothing.
    if (isStopping) return;
    log.error("start failed", { error });
    void stop(EXIT_FAILED);
  });
};
