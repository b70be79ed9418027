/** What came of asking for tokens. */
export interface Grant {
  readonly granted: number;
  /** When the others are worth another try; 0 when all were granted. */
  readonly retryAfterMs: number;
}

export interface BucketSize {
  /** How many tokens it holds: what may be taken at once after a pause. */
  readonly burst: number;
  readonly refillPerMs: number;
}

const MINUTE_MS = 60_000;
const BURSTS_PER_MINUTE = 60;
/** Enough for a burst of one. */
export const FEWEST_PER_MINUTE = BURSTS_PER_MINUTE;
/** After the provider said that it is too much: a tenth of the rate, and all of it a minute later, as the streams in flight. */
export const RAMP_MS = MINUTE_MS;
export const RAMP_START = 0.1;
/** Nobody is told to wait longer than this at a time: the rate may have gone up again, and others may have given up. */
export const LONGEST_WAIT_MS = 30_000;

/**
 * A second's worth at once, and the rest spread over the minute, so that no minute, wherever it begins, has more than
 * `perMinute`: a full bucket and what flows into it meanwhile are that together.
 */
export function sizeFor(perMinute: number): BucketSize {
  const burst = Math.floor(perMinute / BURSTS_PER_MINUTE);
  return { burst, refillPerMs: (perMinute - burst) / MINUTE_MS };
}

/**
 * The tokens of one credential in one process. Pure but for its clock. Who gets fewer than he wants is told a time behind
 * those who were told one before, so that all who wait do not come back in the same moment; it is no reservation.
 */
export class TokenBucket {
  readonly #size: BucketSize;
  readonly #now: () => number;
  #tokens: number;
  #filledAt: number;
  #lineEndsAt = 0;
  #rampFrom = Number.NEGATIVE_INFINITY;

  constructor(size: BucketSize, now: () => number = Date.now) {
    this.#size = size;
    this.#now = now;
    this.#tokens = size.burst;
    this.#filledAt = now();
  }

  take(wanted: number): Grant {
    const now = this.#now();
    this.#fill(now);
    const granted = Math.min(wanted, Math.floor(this.#tokens));
    this.#tokens -= granted;
    return { granted, retryAfterMs: granted === wanted ? 0 : this.#queueUp(wanted - granted, now) };
  }

  /** What was taken and is not needed. */
  giveBack(tokens: number): void {
    this.#tokens = Math.min(this.#size.burst, this.#tokens + tokens);
  }

  /** Empties it; from `waitMs` on it fills slowly, and in a minute as fast as before. */
  slowDown(waitMs: number): void {
    const now = this.#now();
    this.#fill(now);
    this.#tokens = 0;
    this.#rampFrom = Math.max(this.#rampFrom, now + waitMs);
  }

  // At the rate of the last look: while the rate goes up that is a little less than what has flowed, never more.
  #fill(now: number): void {
    const passed = Math.max(0, now - this.#filledAt);
    this.#tokens = Math.min(this.#size.burst, this.#tokens + passed * this.#rate(this.#filledAt));
    this.#filledAt += passed;
  }

  #rate(at: number): number {
    const passed = Math.min(Math.max((at - this.#rampFrom) / RAMP_MS, 0), 1);
    return this.#size.refillPerMs * (RAMP_START + (1 - RAMP_START) * passed);
  }

  #queueUp(missing: number, now: number): number {
    const takesMs = Math.min(missing, this.#size.burst) / this.#rate(now);
    this.#lineEndsAt = Math.min(Math.max(this.#lineEndsAt, now) + takesMs, now + LONGEST_WAIT_MS);
    return Math.ceil(this.#lineEndsAt - now);
  }
}
