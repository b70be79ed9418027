import { gathering } from "@strata/runtime";
import type { Redis } from "ioredis";
import { z } from "zod";
import type { LaneState } from "./lane-state.ts";
import type { ProviderLog, Push, PushResult } from "./push-provider.ts";
import {
  type BucketSize,
  type Grant,
  LONGEST_WAIT_MS,
  RAMP_MS,
  RAMP_START,
  sizeFor,
  TokenBucket,
} from "./token-bucket.ts";

/** How fast one credential may be pushed through, by all replicas together. */
export interface Pace {
  /** Asked once for a whole send. It never throws and never waits for a token. */
  take(wanted: number): Promise<Grant>;
  /** The provider said that it was too much: nothing until `waitMs` from now, then slowly again. */
  slowDown(waitMs: number): void;
}

interface PaceOptions {
  readonly perMinute: number;
  /** Whose: the same in every replica. */
  readonly key: string;
  /** Null: each process keeps its own pace. */
  readonly redis: Redis | null;
  readonly log: ProviderLog;
  readonly now?: () => number;
}

/** How long Redis is not asked after it failed: a send must not wait for its timeout each time. */
const REDIS_PAUSE_MS = 1_000;
const MORE_THAN_ANY_SEND = 1_000_000;

/**
 * The bucket of token-bucket.ts, kept in Redis by its clock: `want` tokens, or (`slow` ≥ 0) slow down. What is not there
 * is a full bucket, so after a flush one second's worth may go twice, and no more: see TokenBucket in each process.
 */
const SCRIPT = `
local want, slow = tonumber(ARGV[1]), tonumber(ARGV[2])
local burst, refill = tonumber(ARGV[3]), tonumber(ARGV[4])
local ramp_ms, ramp_start, longest = tonumber(ARGV[5]), tonumber(ARGV[6]), tonumber(ARGV[7])
local time = redis.call('TIME')
local now = time[1] * 1000 + math.floor(time[2] / 1000)
local kept = redis.call('HMGET', KEYS[1], 'tokens', 'filled', 'line', 'ramp')
local tokens, filled = tonumber(kept[1]) or burst, tonumber(kept[2]) or now
local line, ramp = tonumber(kept[3]) or 0, tonumber(kept[4]) or 0
local function rate(at)
  return refill * (ramp_start + (1 - ramp_start) * math.min(math.max((at - ramp) / ramp_ms, 0), 1))
end
local passed = math.max(0, now - filled)
tokens = math.min(burst, tokens + passed * rate(filled))
filled = filled + passed
local granted, wait = 0, 0
if slow >= 0 then
  tokens, ramp = 0, math.max(ramp, now + slow)
else
  granted = math.min(want, math.floor(tokens))
  tokens = tokens - granted
  if granted < want then
    line = math.min(math.max(line, now) + math.min(want - granted, burst) / rate(now), now + longest)
    wait = math.ceil(line - now)
  end
end
redis.call('HSET', KEYS[1], 'tokens', tostring(tokens), 'filled', filled, 'line', tostring(line), 'ramp', ramp)
redis.call('PEXPIRE', KEYS[1], math.ceil(math.max(0, ramp - now)) + 2 * ramp_ms)
return { granted, wait }
`;

const Answer = z.tuple([z.number(), z.number()]).transform(([granted, retryAfterMs]) => ({ granted, retryAfterMs }));

/**
 * A token bucket in Redis, and one in this process in front of it. Each push has a token of both, so that one process never
 * exceeds the rate by itself, whatever becomes of Redis; while Redis is away the process's own bucket decides alone.
 */
export function openPace({ perMinute, key, redis, log, now = Date.now }: PaceOptions): Pace {
  const size = sizeFor(perMinute);
  const own = new TokenBucket(size, now);
  let redisPausedUntil = 0;

  const inRedis = async (wanted: number, slowMs: number): Promise<Grant | null> => {
    if (redis === null || now() < redisPausedUntil) return null;
    try {
      return Answer.parse(await redis.eval(SCRIPT, 1, `pace:${key}`, wanted, slowMs, ...argumentsOf(size)));
    } catch (error) {
      redisPausedUntil = now() + REDIS_PAUSE_MS;
      log.warn("pace is this process's own while redis does not answer", { error });
      return null;
    }
  };

  const grant = async (wanted: number): Promise<Grant> => {
    const mine = own.take(wanted);
    if (mine.granted === 0) return mine;
    const shared = await inRedis(mine.granted, -1);
    if (shared === null || shared.granted === mine.granted) return mine;
    own.giveBack(mine.granted - shared.granted);
    return { granted: shared.granted, retryAfterMs: Math.max(shared.retryAfterMs, mine.retryAfterMs) };
  };

  return {
    // Many small sends that come together are one question.
    take: gathering<number, Grant>({
      concurrency: 1,
      maxWeight: MORE_THAN_ANY_SEND,
      async work(wanted) {
        const all = await grant(wanted.reduce((sum, one) => sum + one, 0));
        return shareOut(all, wanted);
      },
    }),
    slowDown(waitMs) {
      own.slowDown(waitMs);
      void inRedis(0, Math.max(0, Math.ceil(waitMs)));
    },
  };
}

const argumentsOf = ({ burst, refillPerMs }: BucketSize): readonly number[] => [
  burst,
  refillPerMs,
  RAMP_MS,
  RAMP_START,
  LONGEST_WAIT_MS,
];

/** Which pace a credential has: that of its kind, kept for it alone; null where the kind has none. */
export const pacesFor =
  (perMinuteOf: Readonly<Record<string, number | undefined>>, redis: Redis | null, log: ProviderLog) =>
  (kind: string, app: string, credentialId: string): Pace | null => {
    const perMinute = perMinuteOf[kind];
    return perMinute === undefined ? null : openPace({ perMinute, key: `${app}/${credentialId}`, redis, log });
  };

/** First come, first served. */
function shareOut({ granted, retryAfterMs }: Grant, wanted: readonly number[]): readonly Grant[] {
  let left = granted;
  return wanted.map((one) => {
    const share = Math.min(one, left);
    left -= share;
    return { granted: share, retryAfterMs: share === one ? 0 : retryAfterMs };
  });
}

/**
 * Sends as many of these as there are tokens for, in their order; the others are `unavailable` until there may be more. A
 * lane that is closed costs no tokens: each push is answered why.
 */
export async function sendAtPace(
  pace: Pace | null,
  lane: Pick<LaneState, "blocked">,
  pushes: readonly Push[],
  sendOne: (push: Push) => Promise<PushResult>,
): Promise<readonly PushResult[]> {
  if (pace === null || lane.blocked() !== null) return Promise.all(pushes.map(sendOne));
  const { granted, retryAfterMs } = await pace.take(pushes.length);
  const late: PushResult = { kind: "unavailable", reason: "paced", retryAfterMs, scope: "lane", mayHaveArrived: false };
  return Promise.all(pushes.map(async (push, index) => (index < granted ? sendOne(push) : late)));
}
