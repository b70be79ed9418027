import type { ModerationPolicy, ModerationThreshold } from "@strata/contracts";
import { crossed, type Crossing, type Discredited, type ScoredFlag, weightOf } from "./moderation.ts";

export interface Replayed {
  readonly threshold: ModerationThreshold;
  readonly score: number;
  readonly at: number;
}

/**
 * What a policy would have decided about one user, had it been in force while these flags came. Whose word counts for
 * nothing now counted for nothing from the beginning. The score is carried from flag to flag, so that many flags do not cost
 * their number squared.
 */
export function replay(
  flags: readonly ScoredFlag[],
  policy: ModerationPolicy,
  { suspended, muted }: Discredited,
): readonly Replayed[] {
  const counting = flags
    .filter(({ by, state }) => state !== "dismissed" && !suspended.has(by) && !muted.has(by))
    .toSorted((one, other) => one.createdAt - other.createdAt || (one.flagId < other.flagId ? -1 : 1));
  const running = runningScore(policy);
  const decisions: Replayed[] = [];
  let oldest = 0;
  for (const flag of counting) {
    const { createdAt: at } = flag;
    running.add(flag);
    for (let old = counting[oldest]; old && isPast(old, policy, at); old = counting[oldest]) {
      running.remove(old);
      oldest += 1;
    }
    const score = running.score();
    for (const threshold of crossed(score, policy, decisions.map(crossingOf), at)) {
      decisions.push({ threshold, score, at });
    }
  }
  return decisions;
}

const isPast = ({ createdAt }: ScoredFlag, { windowSeconds }: ModerationPolicy, at: number): boolean =>
  createdAt <= at - windowSeconds * 1_000;

const crossingOf = ({ threshold, at }: Replayed): Crossing => ({ threshold: threshold.score, at, state: "acted" });

/** The sum of what flags weigh, of each flagger the heaviest few. */
function runningScore(policy: ModerationPolicy) {
  const byFlagger = new Map<string, number[]>();
  let sum = 0;
  const partOf = (weights: readonly number[]): number =>
    weights.slice(0, policy.maxFlagsPerFlagger ?? weights.length).reduce((total, weight) => total + weight, 0);
  const change = ({ by, reason }: ScoredFlag, put: (weights: readonly number[], weight: number) => number[]): void => {
    const before = byFlagger.get(by) ?? [];
    const after = put(before, weightOf(reason, policy));
    byFlagger.set(by, after);
    sum += partOf(after) - partOf(before);
  };
  return {
    score: (): number => sum,
    add: (flag: ScoredFlag): void =>
      change(flag, (weights, weight) => [...weights, weight].toSorted((one, other) => other - one)),
    remove: (flag: ScoredFlag): void =>
      change(flag, (weights, weight) => weights.toSpliced(weights.indexOf(weight), 1)),
  };
}
