/** How much of its time fan-out leaves to everybody else. */
export interface Restraint {
  /** Somebody waits for a message longer than he should. */
  giveWay(): void;
  /** Before each step; answers whether steps are to be taken one at a time. */
  begin(): boolean;
  /** Behind it, how long to rest when it took so long. */
  restMs(tookMs: number): number;
}

/** Where it gives way it works a fifth of its time. */
const MOST = 4;
/** Given way to once, users are left in peace for so long. */
const PEACE_MS = 4_000;
/** Back to full speed little by little, so that whoever is still there is heard before he has to wait for long. */
const RETURN_MS = 4_000;
/** What begins after a rest begins gently: nobody could say yet that he waits. */
const BEGINNING_MS = 500;
const FORGOTTEN_MS = 5_000;

interface Slope {
  /** All restraint until then, none from `end` on. */
  readonly from: number;
  readonly end: number;
}

/** Of one process, which never rests for longer than so many milliseconds; `now` in milliseconds, too. */
export function newRestraint(longestRestMs: number, now: () => number = Date.now): Restraint {
  let slope: Slope = { from: 0, end: 0 };
  let lastStepAt = Number.NEGATIVE_INFINITY;
  return {
    giveWay() {
      const from = now() + PEACE_MS;
      slope = { from, end: from + RETURN_MS };
    },
    begin() {
      const at = now();
      if (at - lastStepAt > FORGOTTEN_MS && slope.end < at) slope = { from: at, end: at + BEGINNING_MS };
      lastStepAt = at;
      return at < slope.end;
    },
    restMs(tookMs) {
      const at = now();
      lastStepAt = at;
      const left = Math.min(1, Math.max(0, (slope.end - at) / (slope.end - slope.from || 1)));
      return Math.min(longestRestMs, tookMs * MOST * left);
    },
  };
}
