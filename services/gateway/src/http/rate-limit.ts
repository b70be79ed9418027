import { boundedCache } from "@strata/doors";
import { rateLimitExceeded } from "@strata/layer-protocol";

/** How many requests a token may make: a bucket that each request takes from, and that fills up again with time. */
export interface RateLimit {
  /**
   * Takes one request out of the token's bucket.
   * @throws LayerError 429 `rate_limit_exceeded`, with the time after which there is one again
   */
  take(tokenId: string): void;
  /** One that was taken is not to count after all. */
  giveBack(tokenId: string): void;
}

export interface Rate {
  /** 0: as many as one likes. */
  readonly perSecond: number;
  /** How many at once, after a pause. */
  readonly burst: number;
}

const MAX_TOKENS = 10_000;

/** Each process counts for itself, so a deployment allows this rate times its gateways. */
export function rateLimit({ perSecond, burst }: Rate, now: () => number = Date.now): RateLimit {
  if (perSecond === 0) return { take: () => undefined, giveBack: () => undefined };
  // Whose bucket is full again, or has been forgotten for others' sake, starts with a full one.
  const ttlMs = (burst / perSecond) * 1_000;
  const buckets = boundedCache<{ readonly left: number; readonly at: number }>({ maxEntries: MAX_TOKENS, ttlMs, now });
  const leftOf = (tokenId: string): number => {
    const bucket = buckets.get(tokenId) ?? { left: burst, at: now() };
    return Math.min(burst, bucket.left + ((now() - bucket.at) / 1_000) * perSecond);
  };
  return {
    take(tokenId) {
      const left = leftOf(tokenId);
      if (left < 1) throw rateLimitExceeded((1 - left) / perSecond);
      buckets.set(tokenId, { left: left - 1, at: now() });
    },
    giveBack: (tokenId) => buckets.set(tokenId, { left: Math.min(burst, leftOf(tokenId) + 1), at: now() }),
  };
}
