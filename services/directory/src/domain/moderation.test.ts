import { DEFAULT_MODERATION_POLICY, FLAG_REASONS, FlagState, type ModerationPolicy } from "@strata/contracts";
import { expect } from "chai";
import * as fc from "fast-check";
import { crossed, type Crossing, scoreOf, type ScoredFlag, weigh } from "./moderation.ts";
import { replay } from "./replay-moderation.ts";

const nobody = { suspended: new Set<string>(), muted: new Set<string>() };
const users = ["ann", "bob", "cid", "dan"];
const NOW = 1_000_000;

const aFlag = (extra: Partial<ScoredFlag> = {}): ScoredFlag => ({
  flagId: "f",
  by: "ann",
  reason: "spam",
  state: "open",
  createdAt: NOW - 1,
  ...extra,
});
const aPolicy = (extra: Partial<ModerationPolicy> = {}): ModerationPolicy => ({
  ...DEFAULT_MODERATION_POLICY,
  isActive: true,
  ...extra,
});
const threshold = (score: number) => ({ score, actions: [{ kind: "suspend" as const }] });

const anyFlags = fc
  .array(
    fc.record({
      by: fc.constantFrom(...users),
      reason: fc.constantFrom(...FLAG_REASONS),
      state: fc.constantFrom(...FlagState.options),
      createdAt: fc.integer({ min: NOW - 200_000, max: NOW }),
    }),
    { maxLength: 40 },
  )
  .map((flags) => flags.map((flag, index) => ({ ...flag, flagId: `flag-${String(index).padStart(2, "0")}` })));
const anyPolicy = fc
  .record({
    weights: fc.dictionary(fc.constantFrom(...FLAG_REASONS), fc.integer({ min: 0, max: 9 }), { noNullPrototype: true }),
    defaultWeight: fc.integer({ min: 0, max: 3 }),
    windowSeconds: fc.integer({ min: 60, max: 150 }),
    maxFlagsPerFlagger: fc.option(fc.integer({ min: 1, max: 5 })),
    scores: fc.uniqueArray(fc.integer({ min: 1, max: 30 }), { maxLength: 4 }),
  })
  .map(({ scores, ...terms }) => aPolicy({ ...terms, thresholds: scores.map(threshold) }));
const anyDiscredited = fc.record({
  suspended: fc.subarray(users).map((some) => new Set(some)),
  muted: fc.subarray(users).map((some) => new Set(some)),
});

const decided = (extra: Partial<Crossing> = {}): Crossing => ({
  threshold: 5,
  at: NOW - 1,
  state: "acted",
  ...extra,
});
const flaggedAt = (createdAt: number, n: number) => aFlag({ flagId: `${n}`, createdAt });

describe("the score of a user's flags", () => {
  it("is the same in whatever order the flags are", () => {
    fc.assert(
      fc.property(anyFlags, anyPolicy, anyDiscredited, fc.infiniteStream(fc.nat()), (flags, policy, others, random) => {
        const shuffled = flags
          .map((flag) => ({ flag, key: random.next().value ?? 0 }))
          .toSorted((one, other) => one.key - other.key)
          .map(({ flag }) => flag);
        const weights = (some: readonly ScoredFlag[]) =>
          new Map(weigh(some, policy, others, NOW).map(({ flag, ...weighed }) => [flag.flagId, weighed]));
        expect(weights(shuffled)).to.deep.equal(weights(flags));
      }),
    );
  });

  it("is never lower for one flag more, and never higher for one flagger more whose word counts for nothing", () => {
    fc.assert(
      fc.property(anyFlags, anyPolicy, anyDiscredited, (flags, policy, others) => {
        const score = (some: readonly ScoredFlag[], not = others) => scoreOf(weigh(some, policy, not, NOW));
        for (let n = 0; n < flags.length; n += 1) {
          expect(score(flags.slice(0, n))).to.be.at.most(score(flags.slice(0, n + 1)));
        }
        for (const user of users) {
          const more = { ...others, suspended: new Set([...others.suspended, user]) };
          expect(score(flags, more)).to.be.at.most(score(flags));
        }
      }),
    );
  });

  it("says of each flag whether it weighs, and else why not", () => {
    const policy = aPolicy({ weights: { hate: 5, other: 0 }, windowSeconds: 100, maxFlagsPerFlagger: 2 });
    const flags = [
      aFlag({ flagId: "1" }),
      aFlag({ flagId: "2", reason: "hate" }),
      aFlag({ flagId: "3", state: "upheld" }),
      aFlag({ flagId: "4", by: "bob", state: "dismissed" }),
      aFlag({ flagId: "5", by: "bob", createdAt: NOW - 100_000 }),
      aFlag({ flagId: "6", by: "bob", createdAt: NOW + 5 }),
      aFlag({ flagId: "7", by: "bob", reason: "other" }),
      aFlag({ flagId: "8", by: "cid" }),
      aFlag({ flagId: "9", by: "dan" }),
    ];
    const weighed = weigh(flags, policy, { suspended: new Set(["cid"]), muted: new Set(["dan"]) }, NOW);
    expect(weighed.map(({ weight, weighing }) => [weight, weighing])).to.deep.equal([
      [1, "counts"],
      [5, "counts"],
      [0, "beyond_flagger_limit"],
      [0, "dismissed"],
      [0, "outside_window"],
      [1, "counts"],
      [0, "weightless"],
      [0, "flagger_suspended"],
      [0, "flagger_muted"],
    ]);
    expect(scoreOf(weighed)).to.equal(7);
  });
});

describe("a threshold", () => {
  const policy = aPolicy({ thresholds: [threshold(10), threshold(3), threshold(5)], windowSeconds: 100 });
  const scores = (score: number, ...decisions: Crossing[]) =>
    crossed(score, policy, decisions, NOW).map((one) => one.score);

  it("is crossed by its own score and by more, together with those below it", () => {
    expect(scores(2)).to.deep.equal([]);
    expect(scores(3)).to.deep.equal([3]);
    expect(scores(9)).to.deep.equal([3, 5]);
    expect(scores(100)).to.deep.equal([3, 5, 10]);
  });

  it("is not crossed again for the length of a window, whatever becomes of the decision, unless it is taken back", () => {
    for (const state of ["acting", "pending", "acted"] as const)
      expect(scores(9, decided({ state }))).to.deep.equal([3]);
    for (const state of ["dismissed", "reversed"] as const) expect(scores(9, decided({ state }))).to.deep.equal([3, 5]);
    expect(scores(9, decided({ at: NOW - 99_999 }))).to.deep.equal([3]);
    expect(scores(9, decided({ at: NOW - 100_000 }))).to.deep.equal([3, 5]);
  });
});

describe("a replay", () => {
  it("decides what would have been decided with each flag as it came", () => {
    fc.assert(
      fc.property(anyFlags, anyPolicy, anyDiscredited, (flags, policy, others) => {
        // A flag that weighs nothing crosses nothing by itself.
        const inOrder = flags
          .filter(({ by, state }) => state !== "dismissed" && !others.suspended.has(by) && !others.muted.has(by))
          .toSorted((a, b) => a.createdAt - b.createdAt || (a.flagId < b.flagId ? -1 : 1));
        const decisions: Crossing[] = [];
        const expected = inOrder.flatMap(({ createdAt: at }, index) => {
          const score = scoreOf(weigh(inOrder.slice(0, index + 1), policy, others, at));
          return crossed(score, policy, decisions, at).map((one) => {
            decisions.push({ threshold: one.score, at, state: "acted" });
            return { threshold: one, score, at };
          });
        });
        expect(replay(flags, policy, others)).to.deep.equal(expected);
      }),
    );
  });

  it("carries a score over windows that come and go", () => {
    const policy = aPolicy({ windowSeconds: 60, maxFlagsPerFlagger: null, thresholds: [threshold(3)] });
    const flags = [0, 1, 2, 3, 59_999, 60_001, 60_002, 61_000, 120_002].map(flaggedAt);
    expect(replay(flags, policy, nobody).map((one) => [one.at, one.score])).to.deep.equal([
      [2, 3],
      [60_002, 4],
    ]);
  });
});
