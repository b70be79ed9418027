import { Redis } from "ioredis";
import type { Closable } from "./closing.ts";
import type { Dependency } from "./dependency.ts";
import { answersInTime } from "./dependency.ts";
import { errorChain } from "./error-chain.ts";
import type { Logger } from "./logger.ts";

/** One process's connection to Redis. */
export interface RedisConnection extends Closable {
  readonly redis: Redis;
  readonly dependency: Dependency;
}

/** ioredis rejects with bare Errors when there is no connection: neither class nor code tells them apart, only the text. */
const UNREACHABLE_MESSAGES: ReadonlySet<string> = new Set([
  "Connection is closed.",
  "Stream isn't writeable and enableOfflineQueue options is false",
  "Command timed out",
  "Command aborted due to connection close",
]);

/** Error words of the Redis protocol that mean "not now": it is loading its data, or its master is away. */
const UNAVAILABLE_REPLY = /^(?:LOADING|MASTERDOWN|CLUSTERDOWN|READONLY|TRYAGAIN) /;

const isUnreachable = (error: unknown): boolean => {
  if (!(error instanceof Error)) return false;
  if (error.name === "MaxRetriesPerRequestError" || UNREACHABLE_MESSAGES.has(error.message)) return true;
  return error.name === "ReplyError" && UNAVAILABLE_REPLY.test(error.message);
};

const MAX_RECONNECT_DELAY_MS = 2_000;

/** Full jitter, so that many processes do not all come back in the same millisecond. */
const reconnectDelayMs = (attempt: number): number =>
  Math.ceil(Math.random() * Math.min(MAX_RECONNECT_DELAY_MS, 50 * 2 ** Math.min(attempt, 10)));

/** ioredis reports every failed attempt to reconnect; what is worth a line is that it went, and that it is back. */
const logReachability = (redis: Redis, log: Logger): void => {
  let isReachable = true;
  redis.on("error", (error: Error) => {
    if (isReachable) log.warn("redis is not reachable", { error });
    isReachable = false;
  });
  redis.on("ready", () => {
    if (!isReachable) log.info("redis is reachable again");
    isReachable = true;
  });
};

/**
 * Connects to Redis; throws when it does not answer now, unless it `mayBeAway`. While Redis is away, commands fail within
 * a second instead of queueing up in memory; the connection comes by itself. `keyPrefix` goes before every key, also
 * those of scripts.
 */
export const openRedis = async (
  url: string,
  log: Logger,
  options: { readonly keyPrefix?: string; readonly mayBeAway?: boolean } = {},
): Promise<RedisConnection> => {
  const redis = new Redis(url, {
    lazyConnect: true,
    connectionName: "strata",
    keyPrefix: options.keyPrefix ?? "",
    enableOfflineQueue: false,
    maxRetriesPerRequest: 1,
    commandTimeout: 1_000,
    connectTimeout: 2_000,
    retryStrategy: reconnectDelayMs,
  });
  logReachability(redis, log);
  try {
    await redis.connect();
  } catch (error) {
    // The listener above has logged it, and the next attempt is under way.
    if (!options.mayBeAway) {
      redis.disconnect();
      throw error;
    }
  }
  return {
    redis,
    dependency: {
      name: "redis",
      isDown: (error) => errorChain(error).some(isUnreachable),
      answers: () => answersInTime("redis", () => redis.ping()),
    },
    close: async () => {
      try {
        // QUIT lets what is under way finish.
        await redis.quit();
      } catch {
        // Without a connection nothing is under way.
      } finally {
        redis.disconnect();
      }
    },
  };
};
