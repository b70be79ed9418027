import { brokerConfig, defineConfig, metricsConfig, mongoConfig, redisConfig } from "@strata/runtime";
import { z } from "zod";

const KEY_BYTES = 32;

export const loadConfig = defineConfig({
  ...brokerConfig,
  ...mongoConfig,
  ...metricsConfig,
  /** Where replicas see each other to share ordered lanes; without it each consumes all of them. */
  REDIS_URL: redisConfig.REDIS_URL.optional(),
  REDIS_KEY_PREFIX: redisConfig.REDIS_KEY_PREFIX,
  /** Queues per ordered lane; the same for all services and all time of one deployment. */
  ORDERED_QUEUES: z.coerce.number().int().min(1).max(64).default(16),
  /** Where bytes of content are taken and given, for the gateway alone (its CONTENT_URL). 0 takes any free port. */
  CONTENT_PORT: z.coerce.number().int().min(0).max(65_535).default(8081),
  /** What the gateway signs content URLs with. */
  CONTENT_KEY: z
    .base64()
    .transform((text) => Buffer.from(text, "base64"))
    .refine((key) => key.length === KEY_BYTES, { error: `expected ${KEY_BYTES} bytes in base64` }),
  /** How often it is looked for content that was never finished. */
  CONTENT_SWEEP_INTERVAL_MS: z.coerce.number().int().min(10).default(60_000),
  /** What all transfers of one process hold together: 2 MB an upload and 1 MB a download, 10 MB an upload with S3. */
  CONTENT_MAX_HELD_BYTES: z.coerce
    .number()
    .int()
    .min(1)
    .default(128 * 1024 * 1024),
  /** The bucket in which the bytes of content are kept; without one they are in this service's database. */
  S3_BUCKET: z.string().min(3).optional(),
  S3_REGION: z.string().default("us-east-1"),
  /** Of a storage that is not Amazon's. */
  S3_ENDPOINT: z.url({ protocol: /^https?$/ }).optional(),
  /** The same storage as whoever downloads reaches it; by default S3_ENDPOINT. */
  S3_PUBLIC_ENDPOINT: z.url({ protocol: /^https?$/ }).optional(),
  /** Without a key, the AWS SDK looks for a role of the pod or of the machine. */
  S3_ACCESS_KEY_ID: z.string().min(1).optional(),
  S3_SECRET_ACCESS_KEY: z.string().min(1).optional(),
  /** The bucket in the path and not in the host name, as most storages but Amazon's want it. */
  S3_FORCE_PATH_STYLE: z.stringbool().default(false),
  /** Goes before every key in the bucket. */
  S3_KEY_PREFIX: z.string().default(""),
  /** How often a process looks for messages, and for steps of conversations, whose time has come. */
  DUE_POLL_INTERVAL_MS: z.coerce.number().int().min(10).default(200),
  /** How long a message may take to be there until announcements give way; above what it takes here when nothing else is done. */
  SLOW_MESSAGE_MS: z.coerce.number().int().min(1).default(50),
  /** How often it is looked for what deleted conversations have left behind. */
  PURGE_INTERVAL_MS: z.coerce.number().int().min(10).default(5_000),
});

export type Config = ReturnType<typeof loadConfig>;
