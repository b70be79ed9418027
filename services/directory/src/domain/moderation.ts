import type {
  FlagState,
  FlagWeighing,
  ModerationDecision,
  ModerationPolicy,
  ModerationThreshold,
} from "@strata/contracts";

/** A flag, as far as it is scored. */
export interface ScoredFlag {
  readonly flagId: string;
  readonly by: string;
  readonly reason: string;
  readonly state: FlagState;
  readonly createdAt: number;
}

/** Flaggers whose word counts for nothing now. */
export interface Discredited {
  readonly suspended: ReadonlySet<string>;
  readonly muted: ReadonlySet<string>;
}

export interface Weighed<F extends ScoredFlag> {
  readonly flag: F;
  readonly weight: number;
  readonly weighing: FlagWeighing;
}

type Weighing = Pick<ModerationPolicy, "weights" | "defaultWeight" | "windowSeconds" | "maxFlagsPerFlagger">;

export const weightOf = (reason: string, { weights, defaultWeight }: Weighing): number =>
  (Object.hasOwn(weights, reason) ? weights[reason] : undefined) ?? defaultWeight;

/**
 * What each flag weighs now, in the order of the flags. It does not matter in which order they are, and one more flag takes
 * nothing from the weight of all together.
 */
export function weigh<F extends ScoredFlag>(
  flags: readonly F[],
  policy: Weighing,
  discredited: Discredited,
  now: number,
): readonly Weighed<F>[] {
  const beyond = beyondLimit(
    flags.filter((flag) => weighingOf(flag, policy, discredited, now) === "counts"),
    policy,
  );
  return flags.map((flag) => {
    const own = weighingOf(flag, policy, discredited, now);
    const weighing = own === "counts" && beyond.has(flag.flagId) ? "beyond_flagger_limit" : own;
    return { flag, weighing, weight: weighing === "counts" ? weightOf(flag.reason, policy) : 0 };
  });
}

export const scoreOf = (weighed: readonly { readonly weight: number }[]): number =>
  weighed.reduce((sum, { weight }) => sum + weight, 0);

function weighingOf(flag: ScoredFlag, policy: Weighing, discredited: Discredited, now: number): FlagWeighing {
  if (flag.state === "dismissed") return "dismissed";
  // Clocks of two gateways may differ: a flag that seems to come from the future is of now.
  if (flag.createdAt <= now - policy.windowSeconds * 1_000) return "outside_window";
  if (discredited.suspended.has(flag.by)) return "flagger_suspended";
  if (discredited.muted.has(flag.by)) return "flagger_muted";
  return weightOf(flag.reason, policy) === 0 ? "weightless" : "counts";
}

/** Of each flagger, all but the heaviest few. */
function beyondLimit(flags: readonly ScoredFlag[], policy: Weighing): ReadonlySet<string> {
  const { maxFlagsPerFlagger: max } = policy;
  if (max === null) return new Set();
  const beyond = [...Map.groupBy(flags, ({ by }) => by).values()].flatMap((some) =>
    some
      .toSorted(
        (one, other) =>
          weightOf(other.reason, policy) - weightOf(one.reason, policy) || (one.flagId < other.flagId ? -1 : 1),
      )
      .slice(max),
  );
  return new Set(beyond.map(({ flagId }) => flagId));
}

/** A decision, as far as it says whether its threshold may be crossed again. */
export type Crossing = Pick<ModerationDecision, "threshold" | "at" | "state">;

/**
 * The thresholds that a score crosses now, the lowest first. One that was crossed does so again only after the length of a
 * window, or once a person has said that it was not right: whatever is flagged in between changes nothing.
 */
export function crossed(
  score: number,
  policy: Pick<ModerationPolicy, "thresholds" | "windowSeconds">,
  decisions: readonly Crossing[],
  now: number,
): readonly ModerationThreshold[] {
  const standing = new Set(
    decisions
      .filter(({ at, state }) => isUpheld(state) && at > now - policy.windowSeconds * 1_000)
      .map(({ threshold }) => threshold),
  );
  return policy.thresholds
    .filter((threshold) => threshold.score <= score && !standing.has(threshold.score))
    .toSorted((one, other) => one.score - other.score);
}

/** Whether nobody has taken a decision back. */
export const isUpheld = (state: ModerationDecision["state"]): boolean => state !== "dismissed" && state !== "reversed";
