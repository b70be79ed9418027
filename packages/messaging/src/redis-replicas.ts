import { randomUUID } from "node:crypto";
import { hostname } from "node:os";
import { isDeepStrictEqual } from "node:util";
import { type Closable, type Logger, repeat } from "@strata/runtime";
import { z } from "zod";
import type { LiveReplicas } from "./replicas.ts";

/** As much of a Redis client (ioredis) as heartbeats need. */
export interface HeartbeatStore {
  eval(script: string, keyCount: number, key: string, ...args: string[]): Promise<unknown>;
  zrem(key: string, member: string): Promise<unknown>;
}

export interface RedisReplicasOptions {
  readonly redis: HeartbeatStore;
  readonly service: string;
  readonly log: Logger;
  /** Our name; default: one of this process alone. A name that survives a restart spares the others the wait. */
  readonly self?: string;
  readonly heartbeatMs?: number;
  /** Silent for this long, a replica counts as gone. */
  readonly deadAfterMs?: number;
  /** How long the last view holds while Redis is away; after that each replica does everything. */
  readonly keepViewMs?: number;
}

const HEARTBEAT_MS = 1_000;
const DEAD_AFTER_MS = 4_000;
const KEEP_VIEW_MS = 15_000;

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
 * The replicas of a service by their heartbeats in Redis: a sorted set per service, scored by time. A flushed Redis is
 * filled again by the next heartbeats; a missing one leaves each replica on its own, which costs work and no message.
 * Closing takes us out at once, so that the others need not wait for our silence.
 */
export async function redisReplicas(options: RedisReplicasOptions): Promise<LiveReplicas & Closable> {
  const { redis, service, log, self = `${hostname()}/${randomUUID()}` } = options;
  const { heartbeatMs = HEARTBEAT_MS, deadAfterMs = DEAD_AFTER_MS, keepViewMs = KEEP_VIEW_MS } = options;
  const key = `replicas:${service}`;
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
    },
  };
}
