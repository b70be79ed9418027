import { hostname } from "node:os";
import { isDeepStrictEqual } from "node:util";
import type { ServiceName } from "@strata/contracts";
import { type Closable, type Logger, openRedis, repeat } from "@strata/runtime";
import { z } from "zod";
import { type LiveReplicas, onlyReplica } from "./replicas.ts";

export interface RedisReplicasOptions {
  /** Without one each replica subscribes to every ordered queue. */
  readonly redisUrl: string | undefined;
  /** Keeps several installations apart that share one Redis. */
  readonly keyPrefix: string;
  /** Whose queues are shared: a process on another broker or vhost takes none of them off us. */
  readonly brokerUrl: string;
  readonly service: ServiceName;
  readonly log: Logger;
  /**
   * Our name; default: this machine's and this process's. In a container both are there again after a restart, which
   * spares the others the wait. Two replicas of one name would only both do the same.
   */
  readonly self?: string;
  readonly heartbeatMs?: number;
  /** Silent for this long, a replica counts as gone. */
  readonly deadAfterMs?: number;
  /** How long the last view holds while Redis is away; after that each replica does everything. */
  readonly keepViewMs?: number;
}

const HEARTBEAT_MS = 500;
/** How long a killed replica's queues wait for another; a process that only hangs for so long costs work, no order. */
const DEAD_AFTER_MS = 2_500;
/** Longer than Redis takes to start again or to fail over to another node. */
const KEEP_VIEW_MS = 10_000;

/** One step for Redis, by the clock of Redis, so that no replica's own clock matters: I live, who is dead, who lives. */
const BEAT = `
local time = redis.call("TIME")
local now = time[1] * 1000 + math.floor(time[2] / 1000)
redis.call("ZADD", KEYS[1], now, ARGV[1])
redis.call("ZREMRANGEBYSCORE", KEYS[1], "-inf", now - ARGV[2])
redis.call("PEXPIRE", KEYS[1], ARGV[2])
return redis.call("ZRANGE", KEYS[1], 0, -1)`;
const Names = z.array(z.string());

/**
 * The replicas of a service by their heartbeats in Redis: a sorted set per service, scored by time. Redis may be away
 * already at the start. A flushed one is filled again by the next heartbeats; a missing one leaves each replica on its
 * own, which costs work and no message. Closing takes us out at once, so that the others need not wait for our silence.
 */
export async function redisReplicas(options: RedisReplicasOptions): Promise<LiveReplicas & Closable> {
  const { redisUrl, keyPrefix, service, log, self = `${hostname()}/${process.pid}` } = options;
  const { heartbeatMs = HEARTBEAT_MS, deadAfterMs = DEAD_AFTER_MS, keepViewMs = KEEP_VIEW_MS } = options;
  if (redisUrl === undefined) return { ...onlyReplica, close: async () => undefined };
  const connection = await openRedis(redisUrl, log, { keyPrefix, mayBeAway: true });
  const { redis } = connection;
  const key = heartbeatsKey(service, options.brokerUrl);
  const listeners: (() => void)[] = [];
  let live: readonly string[] = [self];
  let seenAt = Date.now();

  const see = (names: readonly string[]): void => {
    const before = live;
    live = [...new Set([...names, self])].toSorted();
    if (isDeepStrictEqual(before, live)) return;
    for (const listener of listeners) listener();
  };

  const beat = async (): Promise<void> => {
    try {
      const names = Names.parse(await redis.eval(BEAT, 1, key, self, String(deadAfterMs)));
      seenAt = Date.now();
      see(names);
    } catch (error) {
      if (Date.now() - seenAt < keepViewMs || live.length === 1) return;
      log.warn("the other replicas are out of sight; this one now consumes every ordered queue", { error });
      see([]);
    }
  };

  await beat();
  const beating = repeat(heartbeatMs, beat, log);
  return {
    self,
    current: () => live,
    onChange: (listener) => void listeners.push(listener),
    async close() {
      await beating.close();
      // Without Redis our silence says the same, a little later.
      await redis.zrem(key, self).catch(() => undefined);
      await connection.close();
    },
  };
}

/** By broker and vhost, since replicas that do not see the same queues must not count on each other. */
function heartbeatsKey(service: ServiceName, brokerUrl: string): string {
  const { host, pathname } = new URL(brokerUrl);
  return `replicas:${host}${pathname}:${service}`;
}
