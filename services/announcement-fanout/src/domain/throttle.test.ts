import { expect } from "chai";
import * as fc from "fast-check";
import { paceOf } from "./throttle.ts";

const MINUTE_MS = 60_000;

describe("paceOf", () => {
  it("never lets more than the limit into any 60 seconds, wherever they begin", () => {
    fc.assert(
      fc.property(fc.integer({ min: 1, max: 10_000_000 }), (perMinute) => {
        const { limit, pauseMs } = paceOf(perMinute);
        // As many batches as fit into a minute that begins with one.
        expect(Math.ceil(MINUTE_MS / pauseMs) * limit).to.be.at.most(perMinute);
      }),
    );
  });

  it("comes close to the limit, and is fine enough for small ones", () => {
    for (const perMinute of [1, 7, 60, 100, 1_000, 60_000, 100_000, 600_000]) {
      const { limit, pauseMs } = paceOf(perMinute);
      expect((MINUTE_MS / pauseMs) * limit, String(perMinute)).to.be.at.least(perMinute * 0.95);
    }
    expect(paceOf(1)).to.deep.equal({ limit: 1, pauseMs: 60_000 });
    expect(paceOf(6_000_000).limit).to.equal(1_000);
  });
});
