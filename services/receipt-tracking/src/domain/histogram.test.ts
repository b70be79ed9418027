import { expect } from "chai";
import * as fc from "fast-check";
import { addStep, type Histogram, quantileOf, stepOf } from "./histogram.ts";

describe("a histogram of durations", () => {
  it("answers each quantile with at most 9 % and a millisecond above the exact one, and never below it", () => {
    const share = fc.constantFrom(0.5, 0.9);
    const duration = fc.oneof(fc.integer({ min: -5, max: 50 }), fc.integer({ min: 0, max: 400 * 86_400_000 }));
    fc.assert(
      fc.property(fc.array(duration, { minLength: 1 }), share, (durations, wanted) => {
        const histogram: Histogram = new Map();
        for (const ms of durations) addStep(histogram, stepOf(ms), 1);
        const exact = durations.toSorted((a, b) => a - b)[Math.ceil(wanted * durations.length) - 1] ?? 0;
        expect(quantileOf(histogram, wanted)).to.be.within(Math.max(0, exact), Math.max(1, exact) * 1.0906 + 1);
      }),
    );
    expect(quantileOf(new Map(), 0.5)).to.equal(null);
  });
});
