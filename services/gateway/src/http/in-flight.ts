import { rateLimitExceeded } from "@strata/layer-protocol";

/** Counts the requests of each app that are being worked on, so that one app cannot take the gateway for itself. */
export interface InFlight {
  /**
   * Counts one in and answers how to count it out, once.
   * @throws LayerError 429 `rate_limit_exceeded`
   */
  enter(owner: string): () => void;
}

const RETRY_AFTER_SECONDS = 1;

export function inFlightLimit(maxPerOwner: number): InFlight {
  const counts = new Map<string, number>();
  return {
    enter(owner) {
      const count = counts.get(owner) ?? 0;
      if (count >= maxPerOwner) throw rateLimitExceeded(RETRY_AFTER_SECONDS);
      counts.set(owner, count + 1);
      let hasLeft = false;
      return () => {
        if (hasLeft) return;
        hasLeft = true;
        const left = (counts.get(owner) ?? 1) - 1;
        // Gone at zero, so that the map holds the apps of the moment and not all there ever were.
        if (left === 0) counts.delete(owner);
        else counts.set(owner, left);
      };
    },
  };
}
