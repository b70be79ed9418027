import { brokerConfig, defineConfig, metricsConfig, mongoConfig, redisConfig } from "@strata/runtime";
import { z } from "zod";

const MIB = 1024 * 1024;
const KEY_BYTES = 32;

const limit = (fallback: number) => z.coerce.number().int().min(1).default(fallback);

export const loadConfig = defineConfig({
  ...brokerConfig,
  ...mongoConfig,
  ...metricsConfig,
  /** Presence and typing; may be flushed at any time. */
  ...redisConfig,
  /** 0 takes any free port; the log says which. */
  SOCKET_PORT: z.coerce.number().int().min(0).max(65_535).default(8081),
  /** Where clients reach the REST API: the base of every URL in what they are told, as the gateway has it. */
  PUBLIC_URL: z.url({ protocol: /^https?$/ }).transform((url) => url.replace(/\/+$/, "")),
  /** Signs the URLs under which content is downloaded; the same for the gateway. */
  CONTENT_KEY: z
    .base64()
    .transform((text) => Buffer.from(text, "base64"))
    .refine((bytes) => bytes.length === KEY_BYTES, { error: `expected ${KEY_BYTES} bytes in base64` }),

  /** Sockets of this process; more are answered 503 and go to another. */
  MAX_SOCKETS: limit(20_000),
  /** Of them, those of one app; absent: a quarter. */
  MAX_SOCKETS_PER_APP: z.coerce.number().int().min(1).optional(),
  MAX_SOCKETS_PER_USER: limit(20),
  /** Upgrades whose session is being looked up; more are answered 503 and come again. */
  MAX_UPGRADES_UNDER_WAY: limit(2_000),
  /** What may wait in memory for one client that reads slowly; with more it is closed, and catches up when it is back. */
  MAX_BUFFERED_BYTES: limit(MIB),
  /** One packet of a client. */
  MAX_PACKET_BYTES: limit(MIB),
  /** Requests of one client that wait for the one before. */
  MAX_WAITING_REQUESTS: limit(100),
  /** Requests and signals of one user per second and process, on all her sockets, and how many at once after a pause; 0: no limit. */
  SOCKET_RATE_LIMIT_PER_SECOND: z.coerce.number().min(0).default(20),
  SOCKET_RATE_LIMIT_BURST: limit(100),
  /** How long the other services may take to answer one request. */
  REQUEST_DEADLINE_MS: limit(5_000),
  /** Clients that catch up at the same time; the others wait their turn. */
  MAX_REPLAYS_UNDER_WAY: limit(50),
  /** How far back clients can catch up. They themselves do not try after 30 hours. */
  REPLAY_HOURS: z.coerce.number().int().min(30).max(720).default(36),
  /** Over how long a process that is stopped spreads the closing of its sockets: the runtime waits 10 s for it at the most. */
  DRAIN_MS: z.coerce.number().int().min(0).max(9_000).default(5_000),
});

export type Config = ReturnType<typeof loadConfig>;
