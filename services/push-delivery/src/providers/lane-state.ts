import { CircuitState, circuitBreaker, DelegateBackoff, handleWhenResult, isBrokenCircuitError } from "cockatiel";
import type { Seen } from "../domain/credential-health.ts";
import type { PushResult } from "./push-provider.ts";
import { TokenTrust } from "./token-trust.ts";

type Blocked = Extract<PushResult, { kind: "unavailable" | "credential-refused" }>;

const RAMP_MS = 60_000;
const RAMP_START = 0.1;
const QUOTA_WAIT_MS = 60_000; // FCM's advice for a 429 without Retry-After.
const FIRST_BACK_OFF_MS = 1_000;
const LONGEST_BACK_OFF_MS = 60_000;
const FAILURES_IN_A_ROW = 3;
const REFUSED_FOR_MS = 60_000;

interface Broken {
  readonly answer: Blocked;
  readonly until: number;
}

interface LaneOptions {
  readonly now?: () => number;
  readonly random?: () => number;
  /** How long a refused credential is not tried at all, before it is tried with one push. */
  readonly refusedForMs?: number | undefined;
  /** Told when the lane closes and when it opens again, and of nothing in between. */
  readonly onChange?: (seen: Seen) => void;
}

/**
 * What one credential's provider said lately: whether it may be asked now, how hard, and whether its complaints about tokens
 * can be believed. Knows no protocol. A circuit breaker closes the lane to all but one push at a time where the credential
 * is refused, the provider cannot be reached, or nothing but failures came back; a time that the provider set is kept
 * beside it, since nothing may be tried before.
 */
export class LaneState {
  /** What it said of tokens, and whether that is believed. */
  readonly tokens = new TokenTrust();
  readonly #now: () => number;
  readonly #random: () => number;
  readonly #onChange: (seen: Seen) => void;
  readonly #breaker;
  #pausedUntil = 0;
  #pauseReason = "";
  /** While the breaker is open: what every push is answered, and until when. */
  #broken: Broken | null = null;
  readonly #usualRefusalMs: number;
  #refusedForMs: number;
  #failuresInARow = 0;
  #failureCountedUntil = 0;
  #rampFrom: number | null = null;
  #seen: Seen | null = null;

  constructor(options: LaneOptions = {}) {
    const { now = Date.now, random = Math.random, refusedForMs = REFUSED_FOR_MS, onChange = () => undefined } = options;
    this.#now = now;
    this.#random = random;
    this.#usualRefusalMs = refusedForMs;
    this.#refusedForMs = refusedForMs;
    this.#onChange = onChange;
    const breaker = circuitBreaker(
      handleWhenResult((result) => isPushResult(result) && this.#isFailure(result)),
      {
        breaker: { state: null, success: () => undefined, failure: () => this.#mustOpen() },
        halfOpenAfter: new DelegateBackoff(({ result }) => this.#break("value" in result ? result.value : null)),
      },
    );
    breaker.onReset(() => (this.#broken = null));
    this.#breaker = breaker;
  }

  /**
   * Sends one push, unless the lane is closed: then it is answered without asking the provider. Once the time of a closed
   * lane is over, one push is sent and the others wait for what becomes of it.
   */
  async run(send: () => Promise<PushResult>): Promise<PushResult> {
    const closed = this.blocked();
    if (closed) return closed;
    try {
      // Looked at again by those who waited for another's answer: it may have set a time.
      const result = await this.#breaker.execute(async () => this.blocked() ?? (await send()));
      if (!this.#isFailure(result) && this.#heardNow(result)) this.#note("ok", null, null);
      return result;
    } catch (error) {
      if (!isBrokenCircuitError(error) || this.#broken === null) throw error;
      return this.#waiting(this.#broken);
    }
  }

  /** What was seen last of this provider; null when it was not asked yet. */
  get seen(): Seen | null {
    return this.#seen;
  }

  /** The answer for every push that is not to be sent now; null when the lane is open. */
  blocked(): Blocked | null {
    const now = this.#now();
    if (this.#breaker.state === CircuitState.Open && this.#broken && now < this.#broken.until) {
      return this.#waiting(this.#broken);
    }
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
      this.#note("paused", reason, until);
    }
    if (ramp) this.#rampFrom = this.#pausedUntil;
    return this.#pausedUntil - now;
  }

  /** The credential was refused, as the result of this push says: `forMs` keeps later ones from asking again at once. */
  refuse(forMs: number = this.#usualRefusalMs): void {
    this.#refusedForMs = forMs;
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

  /** A pause that the provider set is no failure of the lane, and neither is one device's own limit. */
  #isFailure(result: PushResult): boolean {
    if (result.kind === "credential-refused") return true;
    if (result.kind !== "unavailable") return false;
    return result.scope === "lane" ? this.#now() >= this.#pausedUntil : this.#failuresInARow > 0;
  }

  /** What concerns the whole lane closes it at once; what seemed to be of single pushes, when nothing else came back for long. */
  #mustOpen(): boolean {
    const failure = this.#breaker.lastFailure;
    const result = failure !== undefined && "value" in failure && isPushResult(failure.value) ? failure.value : null;
    return result?.kind === "credential-refused" || isOfLane(result) || this.#failuresInARow >= FAILURES_IN_A_ROW;
  }

  /** Remembers why the lane is closed, and says for how many milliseconds. */
  #break(value: unknown): number {
    const result = isPushResult(value) ? value : null;
    const now = this.#now();
    if (result?.kind === "credential-refused") {
      this.#broken = { answer: result, until: now + this.#refusedForMs };
      this.#note("refused", result.reason, null);
      return this.#refusedForMs;
    }
    const waitMs = isOfLane(result) ? result.retryAfterMs : this.backOffMs();
    const reason = result?.kind === "unavailable" ? result.reason : "unavailable";
    const until = now + waitMs;
    this.#broken = {
      answer: { kind: "unavailable", reason, retryAfterMs: waitMs, scope: "lane", mayHaveArrived: false },
      until,
    };
    this.#note("paused", reason, until);
    return waitMs;
  }

  #waiting({ answer, until }: Broken): Blocked {
    if (answer.kind === "credential-refused") return answer;
    return { ...answer, retryAfterMs: Math.max(0, until - this.#now()) };
  }

  /** Whether a good answer says how it stands now: many are on their way still when the lane closes. */
  #heardNow(result: PushResult): boolean {
    return result.kind !== "unavailable" && this.blocked() === null;
  }

  #note(state: Seen["state"], reason: string | null, retryAt: number | null): void {
    const before = this.#seen;
    this.#seen = { state, reason, retryAt, at: this.#now() };
    if (before?.state !== state || before.reason !== reason || before.retryAt !== retryAt) this.#onChange(this.#seen);
  }
}

/** The breaker hands back what it was given to run, and has forgotten its type. */
const isPushResult = (value: unknown): value is PushResult =>
  typeof value === "object" && value !== null && "kind" in value;

const isOfLane = (result: PushResult | null): result is Extract<PushResult, { kind: "unavailable" }> =>
  result?.kind === "unavailable" && result.scope === "lane";

/** Retry-After as milliseconds: seconds or an HTTP date; null when absent or unreadable. */
export function retryAfterMs(value: unknown, now: number = Date.now()): number | null {
  if (typeof value !== "string" || value.trim() === "") return null;
  const seconds = Number(value);
  if (Number.isFinite(seconds)) return Math.max(0, seconds * 1_000);
  const at = Date.parse(value);
  return Number.isNaN(at) ? null : Math.max(0, at - now);
}
