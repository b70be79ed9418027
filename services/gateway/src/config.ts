import { PushServiceHosts } from "@strata/contracts";
import { brokerConfig, ConfigError, defineConfig, metricsConfig, redisConfig } from "@strata/runtime";
import { z } from "zod";

const MIB = 1024 * 1024;
const KEY_BYTES = 32;

const key = z
  .base64()
  .transform((text) => Buffer.from(text, "base64"))
  .refine((bytes) => bytes.length === KEY_BYTES, { error: `expected ${KEY_BYTES} bytes in base64` });

const limit = (fallback: number) => z.coerce.number().int().min(1).default(fallback);

const readConfig = defineConfig({
  ...brokerConfig,
  ...metricsConfig,
  /** 0 takes any free port; the log says which. */
  HTTP_PORT: z.coerce.number().int().min(0).max(65_535).default(8080),
  /** Where callers reach this gateway: the base of every URL in its answers. */
  PUBLIC_URL: z.url({ protocol: /^https?$/ }).transform((url) => url.replace(/\/+$/, "")),
  /** Seals push credentials; the same for push-delivery, which alone opens them. */
  CREDENTIALS_KEY: key,
  /** Where browsers' subscriptions may lead, as push-delivery has it: they are URLs that clients give. */
  WEBPUSH_HOSTS: PushServiceHosts,
  /** Signs the URLs under which content is uploaded and downloaded; the same for conversation, which looks again. */
  CONTENT_KEY: key,
  /** Signs nonces; the same for all gateways. Nonces live for ten minutes, so it may be changed at any time. */
  NONCE_KEY: key,
  /** Where conversation takes and gives the bytes of content (its CONTENT_PORT), within the cluster. */
  CONTENT_URL: z.url({ protocol: /^http$/ }),

  /** Whether webhooks may lead over plain HTTP; integration has the same, and lets them lead to local addresses. */
  ALLOW_LOCAL_WEBHOOKS: z
    .enum(["true", "false"])
    .default("false")
    .transform((text) => text === "true"),

  /** How long the other services may take, all together, before the caller is answered 503. */
  REQUEST_DEADLINE_MS: limit(5_000),
  /** The same for an announcement to more than 1,000 users, which takes several steps. */
  LONG_LIST_DEADLINE_MS: limit(20_000),
  /** How often it is reported which tokens are in use; each is noted once a minute. */
  TOKEN_USE_REPORT_INTERVAL_MS: limit(10_000),
  /** Of its backend; of all its users together; and of all who have not logged in. */
  MAX_IN_FLIGHT_PER_APP: limit(500),
  /** How many of the users' places one of them may have. */
  MAX_IN_FLIGHT_PER_USER: limit(50),
  /** How many of the places of who has not logged in one address may have. */
  MAX_IN_FLIGHT_PER_ADDRESS: limit(50),
  /** Requests of one token per second and gateway, and how many at once after a pause; 0: no such limit. */
  RATE_LIMIT_PER_SECOND: z.coerce.number().min(0).default(0),
  RATE_LIMIT_BURST: limit(100),
  /** The same of one address for who logs in or out, or has no valid session: nobody else is counted by address. */
  STRANGER_RATE_LIMIT_PER_SECOND: z.coerce.number().min(0).default(20),
  STRANGER_RATE_LIMIT_BURST: limit(200),
  /** How many accounts may sign up an hour from one address, by all gateways together; 0: nobody signs up here. */
  SIGN_UPS_PER_HOUR: z.coerce.number().int().min(0).default(0),
  /** Where that is counted, and needed where anybody signs up. */
  REDIS_URL: redisConfig.REDIS_URL.optional(),
  REDIS_KEY_PREFIX: redisConfig.REDIS_KEY_PREFIX,
  /** Proxies of one's own before the gateway: so many entries of `X-Forwarded-For` count from its end; 0: none does. */
  PROXY_HOPS: z.coerce.number().int().min(0).max(10).default(0),
  /** Uploads and downloads under way, which may take hours, counted apart. */
  MAX_TRANSFERS_PER_APP: limit(500),
  /** How long a request may take to come in: 16 MB over a slow line (1 Mbit/s). Uploads of content have no limit. */
  RECEIVE_TIMEOUT_MS: limit(130_000),
  /** The same for who need not have logged in: a few kB. */
  STRANGER_RECEIVE_TIMEOUT_MS: limit(10_000),
  MAX_CONNECTIONS: limit(10_000),
  MAX_BODY_BYTES: limit(MIB),
  MAX_ANNOUNCEMENT_BODY_BYTES: limit(16 * MIB),
  /**
   * Bodies held at once, of all callers together: bounds memory whatever the number of requests. Of it one app with its
   * users may hold a quarter, and all who have not logged in a sixteenth.
   */
  MAX_BODY_BYTES_IN_FLIGHT: limit(128 * MIB),
  MAX_ANNOUNCEMENT_RECIPIENTS: limit(100_000),
  /** Parts and notification together, as JSON: they travel in one message and are stored in one document. */
  MAX_ANNOUNCEMENT_CONTENT_BYTES: limit(MIB),
  MAX_PARTS: limit(1_000),
  MAX_PART_BYTES: limit(2_048),
});

export type Config = ReturnType<typeof readConfig>;

/** An open door is not opened without the counting at it. @throws ConfigError */
export function loadConfig(env: NodeJS.ProcessEnv): Config {
  const config = readConfig(env);
  if (config.SIGN_UPS_PER_HOUR === 0 || config.REDIS_URL !== undefined) return config;
  throw new ConfigError([{ variable: "REDIS_URL", problem: "is missing, which SIGN_UPS_PER_HOUR needs" }]);
}
