import { rateLimitExceeded } from "@strata/layer-protocol";

/** Counts the requests of each app that are being worked on, so that one app cannot take the gateway for itself. */
export interface InFlight {
  /**
   * Counts one in and answers how to count it out, once. `one` of the many who are counted together as `owner` has so many
   * of its places at most.
   * @throws LayerError 429 `rate_limit_exceeded`
   */
  enter(owner: string, one?: OneOfMany): () => void;
}

export interface OneOfMany {
  readonly key: string;
  readonly max: number;
}

const RETRY_AFTER_SECONDS = 1;

export function inFlightLimit(maxPerOwner: number): InFlight {
  const counts = new Map<string, number>();
  const countOut = (key: string): void => {
    const left = (counts.get(key) ?? 1) - 1;
    // Gone at zero, so that the map holds the apps of the moment and not all there ever were.
    if (left === 0) counts.delete(key);
    else counts.set(key, left);
  };
  return {
    enter(owner, one) {
      const places = [{ key: owner, max: maxPerOwner }, ...(one === undefined ? [] : [one])];
      const isFull = places.some(({ key, max }) => (counts.get(key) ?? 0) >= max);
      if (isFull) throw rateLimitExceeded(RETRY_AFTER_SECONDS);
      for (const { key } of places) counts.set(key, (counts.get(key) ?? 0) + 1);
      let hasLeft = false;
      return () => {
        if (hasLeft) return;
        hasLeft = true;
        for (const { key } of places) countOut(key);
      };
    },
  };
}
