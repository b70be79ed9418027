import type { PushResult } from "./push-provider.ts";

type Blocked = Extract<PushResult, { kind: "unavailable" | "credential-refused" }>;

const RAMP_MS = 60_000;
const RAMP_START = 0.1;
const QUOTA_WAIT_MS = 60_000; // FCM's advice for a 429 without Retry-After.
const FIRST_BACK_OFF_MS = 1_000;
const LONGEST_BACK_OFF_MS = 60_000;
const RECENT_OUTCOMES = 200;
const SUSPICIOUS_TOKEN_FAULTS = 20;
const SUSPICIOUS_SHARE = 0.3;

/**
 * What one credential's provider said lately: whether it may be asked now, how hard, and whether its complaints about tokens
 * can be believed. Knows no protocol; the clock is an argument so that a test can turn it.
 */
export class LaneState {
  readonly #now: () => number;
  readonly #random: () => number;
  #pausedUntil = 0;
  #pauseReason = "";
  #refusedUntil = 0;
  #refusedReason = "";
  #failuresInARow = 0;
  #failureCountedUntil = 0;
  #rampFrom: number | null = null;
  // The latest outcomes that say something about tokens, true = the provider called the token bad; a ring.
  readonly #recent: boolean[] = [];
  #recentAt = 0;

  constructor(now: () => number = Date.now, random: () => number = Math.random) {
    this.#now = now;
    this.#random = random;
  }

  /** The answer for every push that is not to be sent now; null when the lane is open. */
  blocked(): Blocked | null {
    const now = this.#now();
    if (now < this.#refusedUntil) return { kind: "credential-refused", reason: this.#refusedReason };
    if (now >= this.#pausedUntil) return null;
    return {
      kind: "unavailable",
      reason: this.#pauseReason,
      retryAfterMs: this.#pausedUntil - now,
      scope: "lane",
      mayHaveArrived: false,
    };
  }

  /** The provider set a time (429, Retry-After): nothing is sent before, and less than before for a minute after. */
  pause(reason: string, waitMs: number | null, ramp: boolean): number {
    const now = this.#now();
    const until = now + (waitMs ?? QUOTA_WAIT_MS);
    if (until > this.#pausedUntil) {
      this.#pausedUntil = until;
      this.#pauseReason = reason;
    }
    if (ramp) this.#rampFrom = this.#pausedUntil;
    return this.#pausedUntil - now;
  }

  /** The credential was refused. The rest of the send is not tried; `forMs` keeps later ones from asking again at once. */
  refuse(reason: string, forMs: number): void {
    this.#refusedUntil = Math.max(this.#refusedUntil, this.#now() + forMs);
    this.#refusedReason = reason;
  }

  /** When to try again after an answer without a time: exponential over failures in a row, with full jitter on its upper half. */
  backOffMs(): number {
    const bound = Math.min(FIRST_BACK_OFF_MS * 2 ** Math.min(this.#failuresInARow, 6), LONGEST_BACK_OFF_MS);
    return Math.round(bound * (0.5 + this.#random() / 2));
  }

  /** Failures of one moment are one: hundreds of pushes are in flight together, and one hiccup of the provider hits all. */
  failed(): void {
    const now = this.#now();
    if (now < this.#failureCountedUntil) return;
    this.#failureCountedUntil = now + FIRST_BACK_OFF_MS;
    this.#failuresInARow += 1;
  }

  succeeded(): void {
    this.#failuresInARow = 0;
    this.#failureCountedUntil = 0;
  }

  /** How many of `streams` may be used now: a tenth after a 429, then up to all of them over a minute. */
  paced(streams: number): number {
    if (this.#rampFrom === null) return streams;
    const passed = (this.#now() - this.#rampFrom) / RAMP_MS;
    if (passed >= 1) this.#rampFrom = null;
    const share = RAMP_START + (1 - RAMP_START) * Math.min(Math.max(passed, 0), 1);
    return Math.max(1, Math.floor(streams * share));
  }

  tokenAccepted(): void {
    this.#remember(false);
  }

  /**
   * Notes that the provider called a token malformed or foreign, and says whether to believe it. When many of the latest tokens
   * are, the environment or topic is wrong and not the tokens: believing it would wipe an app's token base.
   */
  isTokenFaultCredible(): boolean {
    this.#remember(true);
    const faults = this.#recent.filter(Boolean).length;
    return faults < SUSPICIOUS_TOKEN_FAULTS || faults / this.#recent.length < SUSPICIOUS_SHARE;
  }

  #remember(isFault: boolean): void {
    this.#recent[this.#recentAt] = isFault;
    this.#recentAt = (this.#recentAt + 1) % RECENT_OUTCOMES;
  }
}

/** Retry-After as milliseconds: seconds or an HTTP date; null when absent or unreadable. */
export function retryAfterMs(value: unknown, now: number = Date.now()): number | null {
  if (typeof value !== "string" || value.trim() === "") return null;
  const seconds = Number(value);
  if (Number.isFinite(seconds)) return Math.max(0, seconds * 1_000);
  const at = Date.parse(value);
  return Number.isNaN(at) ? null : Math.max(0, at - now);
}
