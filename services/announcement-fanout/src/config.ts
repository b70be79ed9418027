import { brokerConfig, defineConfig, metricsConfig, mongoConfig } from "@strata/runtime";
import { z } from "zod";

export const loadConfig = defineConfig({
  ...brokerConfig,
  ...mongoConfig,
  ...metricsConfig,
  /** Queues per ordered lane; the same for all services and all time of one deployment. */
  ORDERED_QUEUES: z.coerce.number().int().min(1).max(64).default(16),
  /** How many slots one process fans out at once. */
  FANOUT_CONCURRENCY: z.coerce.number().int().min(1).max(64).default(8),
  /**
   * How many of their steps one process takes at once, a few thousand recipients each: what it leaves of the broker's and the
   * database's processors to everything else.
   */
  FANOUT_STEPS: z.coerce.number().int().min(1).max(64).default(2),
  /** How often a process looks for what is due: starts, throttled steps, expiry. */
  DUE_POLL_INTERVAL_MS: z.coerce.number().int().min(10).default(100),
  /** How often a process looks for work whose worker died. */
  SWEEP_INTERVAL_MS: z.coerce.number().int().min(50).default(5_000),
});

export type Config = ReturnType<typeof loadConfig>;
