import { rateLimitExceeded } from "@strata/layer-protocol";
import { boundedCache } from "./bounded-cache.ts";

/** How many requests somebody may make: a bucket that each request takes from, and that fills up again with time. */
export interface RateLimit {
  /**
   * Takes one request out of the bucket of a token, an address, a user.
   * @throws LayerError 429 `rate_limit_exceeded`, with the time after which there is one again
   */
  take(owner: string): void;
  /** One that was taken is not to count after all. */
  giveBack(owner: string): void;
}

export interface Rate {
  /** 0: as many as one likes. */
  readonly perSecond: number;
  /** How many at once, after a pause. */
  readonly burst: number;
  /** How many are counted at once; 10,000 if nothing is said. */
  readonly maxOwners?: number;
}

const MAX_OWNERS = 10_000;

/** Each process counts for itself, so a deployment allows this rate times its processes. */
export function rateLimit({ perSecond, burst, maxOwners = MAX_OWNERS }: Rate, now: () => number = Date.now): RateLimit {
  if (perSecond === 0) return { take: () => undefined, giveBack: () => undefined };
  // Whose bucket is full again, or has been forgotten for others' sake, starts with a full one.
  const ttlMs = (burst / perSecond) * 1_000;
  const buckets = boundedCache<{ readonly left: number; readonly at: number }>({ maxEntries: maxOwners, ttlMs, now });
  const leftOf = (owner: string): number => {
    const bucket = buckets.get(owner) ?? { left: burst, at: now() };
    return Math.min(burst, bucket.left + ((now() - bucket.at) / 1_000) * perSecond);
  };
  return {
    take(owner) {
      const left = leftOf(owner);
      if (left < 1) throw rateLimitExceeded((1 - left) / perSecond);
      buckets.set(owner, { left: left - 1, at: now() });
    },
    giveBack: (owner) => buckets.set(owner, { left: Math.min(burst, leftOf(owner) + 1), at: now() }),
  };
}
