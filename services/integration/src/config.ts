import { brokerConfig, defineConfig, metricsConfig, mongoConfig } from "@strata/runtime";
import { z } from "zod";

const KEY_BYTES = 32;

export const loadConfig = defineConfig({
  ...brokerConfig,
  ...mongoConfig,
  ...metricsConfig,
  /** What the signing secrets of all apps follow from; changed, every one of them is another. */
  SIGNING_KEY: z
    .base64()
    .transform((text) => Buffer.from(text, "base64"))
    .refine((bytes) => bytes.length === KEY_BYTES, { error: `expected ${KEY_BYTES} bytes in base64` }),
  /** Whether webhooks may lead to addresses that are not on the open internet, and over plain HTTP: on one machine only. */
  ALLOW_LOCAL_WEBHOOKS: z
    .enum(["true", "false"])
    .default("false")
    .transform((text) => text === "true"),
  /** PEM of a CA to trust beside the system's. */
  WEBHOOK_CA_FILE: z.string().optional(),
  /** How many calls of one app are under way in one process; more are answered at once as if nobody had. */
  CALLS_PER_APP: z.coerce.number().int().min(1).max(1_000).default(50),
  /** How long a backend is not asked that did not answer several times in a row, before it is tried with one question. */
  BACKEND_COOL_DOWN_MS: z.coerce.number().int().min(10).max(600_000).default(10_000),
  /** How often it is looked for calls that are due. */
  DUE_POLL_INTERVAL_MS: z.coerce.number().int().min(10).default(1_000),
});

export type Config = ReturnType<typeof loadConfig>;
