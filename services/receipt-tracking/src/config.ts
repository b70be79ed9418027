import { brokerConfig, defineConfig, metricsConfig, mongoConfig, redisConfig } from "@strata/runtime";
import { z } from "zod";

export const loadConfig = defineConfig({
  ...brokerConfig,
  ...mongoConfig,
  ...metricsConfig,
  /** Where unread counts are kept; may be flushed at any time. */
  ...redisConfig,
  ORDERED_QUEUES: z.coerce.number().int().min(1).default(16),
  /** How soon changed counts are counted again, at the earliest. */
  RECOUNT_INTERVAL_MS: z.coerce.number().int().min(1).default(1_000),
  /** How often some of the kept unread counts are compared with what they are copies of. */
  UNREAD_DRIFT_INTERVAL_MS: z.coerce.number().int().min(10).default(60_000),
});

export type Config = ReturnType<typeof loadConfig>;
