import { isWellFormedToken } from "@strata/contracts";
import { brokerConfig, defineConfig, metricsConfig, mongoConfig } from "@strata/runtime";
import { z } from "zod";

export const loadConfig = defineConfig({
  ...brokerConfig,
  ...mongoConfig,
  ...metricsConfig,
  /** Queues per ordered lane; the same for all services and all time of one deployment. */
  ORDERED_QUEUES: z.coerce.number().int().min(1).max(64).default(16),
  /** The first token, of the account "operator": what an empty deployment is administered with. */
  BOOTSTRAP_ACCOUNT_TOKEN: z
    .string()
    .refine(isWellFormedToken, { error: "expected strata_ and 33 characters with a right checksum" })
    .optional(),
});

export type Config = ReturnType<typeof loadConfig>;
