import { brokerConfig, defineConfig, metricsConfig, mongoConfig } from "@strata/runtime";
import { z } from "zod";

export const loadConfig = defineConfig({
  ...brokerConfig,
  ...mongoConfig,
  ...metricsConfig,
  ORDERED_QUEUES: z.coerce.number().int().min(1).default(16),
  /** How soon changed counts are counted again, at the earliest. */
  RECOUNT_INTERVAL_MS: z.coerce.number().int().min(1).default(1_000),
});

export type Config = ReturnType<typeof loadConfig>;
