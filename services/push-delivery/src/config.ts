import { PushServiceHosts } from "@strata/contracts";
import { brokerConfig, defineConfig, metricsConfig, mongoConfig, redisConfig } from "@strata/runtime";
import { z } from "zod";
import { FEWEST_PER_MINUTE } from "./providers/token-bucket.ts";

const KEY_BYTES = 32;

const key = z
  .string()
  .trim()
  .refine((text) => Buffer.from(text, "base64").length === KEY_BYTES, { error: `expected ${KEY_BYTES} bytes, base64` })
  .transform((text) => Buffer.from(text, "base64"));

export const loadConfig = defineConfig({
  ...brokerConfig,
  ...mongoConfig,
  ...metricsConfig,
  /** Where replicas share ordered lanes and the pace of credentials; without it each consumes all, at a pace of its own. */
  REDIS_URL: redisConfig.REDIS_URL.optional(),
  REDIS_KEY_PREFIX: redisConfig.REDIS_KEY_PREFIX,
  /** Queues per ordered lane; the same for all services and all time of one deployment. */
  ORDERED_QUEUES: z.coerce.number().int().min(1).max(64).default(16),
  /** Opens the push credentials that the gateway sealed; both have the same. Seals those anew that a former key sealed. */
  CREDENTIALS_KEY: key,
  /** Keys that open what they sealed, separated by commas; the current one may be among them. */
  CREDENTIALS_KEYS_FORMER: z
    .string()
    .default("")
    .transform((text) => text.split(",").filter((part) => part.trim() !== ""))
    .pipe(z.array(key)),
  /** Instead of Google's and Apple's own addresses: the local phone, or a proxy. */
  FCM_URL: z.url({ protocol: /^https$/ }).optional(),
  FCM_TOKEN_URL: z.url({ protocol: /^https?$/ }).optional(),
  APNS_URL: z.url({ protocol: /^https$/ }).optional(),
  /** Where browsers' subscriptions may lead, as the gateway has it: they are URLs that clients give. */
  WEBPUSH_HOSTS: PushServiceHosts,
  /** PEM of the CA to trust for them instead of the system's. */
  PUSH_CA_FILE: z.string().optional(),
  /** How long after an announcement or a message its push is worth sending. */
  PUSH_TTL_SECONDS: z.coerce
    .number()
    .int()
    .min(1)
    .max(28 * 86_400)
    .default(86_400),
  /** How many batches, and how many messages, one process pushes at once: with 1,000 recipients each, the bound on its memory. */
  PUSH_CONCURRENCY: z.coerce.number().int().min(1).max(256).default(32),
  /** How many pushes a minute go through one credential, all replicas together: Google's default for a project. */
  FCM_PUSHES_PER_MINUTE: z.coerce.number().int().min(FEWEST_PER_MINUTE).default(600_000),
  /** The same for an APNs key; as many as Apple takes where it is not set. */
  APNS_PUSHES_PER_MINUTE: z.coerce.number().int().min(FEWEST_PER_MINUTE).optional(),
  /** How often a process looks for pushes that had to wait. */
  DUE_POLL_INTERVAL_MS: z.coerce.number().int().min(10).default(1_000),
});

export type Config = ReturnType<typeof loadConfig>;
