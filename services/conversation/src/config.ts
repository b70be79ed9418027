import { brokerConfig, defineConfig, metricsConfig, mongoConfig, redisConfig } from "@strata/runtime";
import { z } from "zod";

export const loadConfig = defineConfig({
  ...brokerConfig,
  ...mongoConfig,
  ...metricsConfig,
  /** Where replicas see each other to share ordered lanes; without it each consumes all of them. */
  REDIS_URL: redisConfig.REDIS_URL.optional(),
  REDIS_KEY_PREFIX: redisConfig.REDIS_KEY_PREFIX,
  /** Queues per ordered lane; the same for all services and all time of one deployment. */
  ORDERED_QUEUES: z.coerce.number().int().min(1).max(64).default(16),
  /** How often a process looks for messages whose time has come. */
  DUE_POLL_INTERVAL_MS: z.coerce.number().int().min(10).default(200),
  /** How often it is looked for what deleted conversations have left behind. */
  PURGE_INTERVAL_MS: z.coerce.number().int().min(10).default(5_000),
});

export type Config = ReturnType<typeof loadConfig>;
