import { isWellFormedToken } from "@strata/contracts";
import { brokerConfig, defineConfig, metricsConfig, mongoConfig, redisConfig } from "@strata/runtime";
import { z } from "zod";

export const loadConfig = defineConfig({
  ...brokerConfig,
  ...mongoConfig,
  ...metricsConfig,
  /** Where replicas see each other to share ordered lanes; without it each consumes all of them. */
  REDIS_URL: redisConfig.REDIS_URL.optional(),
  REDIS_KEY_PREFIX: redisConfig.REDIS_KEY_PREFIX,
  /** How long a deleted app can be restored: 30 days. */
  APP_DELETION_GRACE_MS: z.coerce
    .number()
    .int()
    .min(0)
    .default(30 * 86_400_000),
  /** How often it is looked for apps whose grace is over. */
  APP_PURGE_INTERVAL_MS: z.coerce.number().int().min(10).default(60_000),
  /** Queues per ordered lane; the same for all services and all time of one deployment. */
  ORDERED_QUEUES: z.coerce.number().int().min(1).max(64).default(16),
  /** The first token, of the account "operator": what an empty deployment is administered with. */
  BOOTSTRAP_ACCOUNT_TOKEN: z
    .string()
    .refine(isWellFormedToken, { error: "expected strata_ and 33 characters with a right checksum" })
    .optional(),
});

export type Config = ReturnType<typeof loadConfig>;
