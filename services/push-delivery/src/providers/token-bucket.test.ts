import { expect } from "chai";
import * as fc from "fast-check";
import { FEWEST_PER_MINUTE, sizeFor, TokenBucket } from "./token-bucket.ts";

const MINUTE_MS = 60_000;

describe("the token bucket of a credential", () => {
  let now: number;
  const clock = (): number => now;
  const bucketOf = (perMinute: number): TokenBucket => new TokenBucket(sizeFor(perMinute), clock);
  beforeEach(() => {
    now = 1_000_000;
  });

  it("never grants more than the rate in any minute, however it is asked, slowed down and given back to", () => {
    const step = fc.record({
      afterMs: fc.oneof({ weight: 1, arbitrary: fc.nat(900) }, { weight: 1, arbitrary: fc.nat(20_000) }),
      wanted: fc.integer({ min: 200, max: 3_000 }),
      unused: fc.oneof({ weight: 10, arbitrary: fc.constant(0) }, { weight: 1, arbitrary: fc.nat(500) }),
      slowMs: fc.option(fc.nat(5_000), { freq: 400 }),
    });
    const rate = fc.integer({ min: FEWEST_PER_MINUTE, max: 20_000 });
    fc.assert(
      fc.property(rate, fc.array(step, { maxLength: 80 }), (perMinute, steps) => {
        const bucket = bucketOf(perMinute);
        const used: { at: number; pushes: number }[] = [];
        for (const { afterMs, wanted, unused, slowMs } of steps) {
          now += afterMs;
          if (slowMs !== null) bucket.slowDown(slowMs);
          const { granted } = bucket.take(wanted);
          const back = Math.min(unused, granted);
          bucket.giveBack(back);
          used.push({ at: now, pushes: granted - back });
        }
        for (const { at: from } of used) {
          const inMinute = used.filter(({ at }) => at >= from && at <= from + MINUTE_MS);
          expect(inMinute.reduce((sum, { pushes }) => sum + pushes, 0)).to.be.at.most(perMinute);
        }
      }),
    );
  });

  it("grants all of the rate, and no more, to who keeps asking from a full bucket on", () => {
    const rate = fc.integer({ min: 100 * FEWEST_PER_MINUTE, max: 600_000 });
    fc.assert(
      fc.property(rate, fc.integer({ min: 50, max: 900 }), (perMinute, everyMs) => {
        const bucket = bucketOf(perMinute);
        let granted = 0;
        for (const end = now + MINUTE_MS; now <= end; now += everyMs) granted += bucket.take(perMinute).granted;
        expect(granted).to.be.within(Math.floor(perMinute * 0.97), perMinute);
      }),
    );
  });

  it("grants what there is, and says when the rest will be there", () => {
    const bucket = bucketOf(60_000);
    expect(bucket.take(700)).to.deep.equal({ granted: 700, retryAfterMs: 0 });
    const { granted, retryAfterMs } = bucket.take(700);
    expect(granted).to.equal(300);
    now += retryAfterMs;
    expect(bucket.take(400)).to.deep.equal({ granted: 400, retryAfterMs: 0 });
  });

  it("tells those who wait times one behind the other, and none longer than half a minute", () => {
    const bucket = bucketOf(60_000);
    bucket.take(1_000);
    const waits = Array.from({ length: 100 }, () => bucket.take(1_000).retryAfterMs);
    expect(waits.slice(0, 3).map((ms) => Math.round(ms / 1_000))).to.deep.equal([1, 2, 3]);
    expect(Math.max(...waits)).to.equal(30_000);
  });

  it("grants a tenth of the rate after it was slowed down, and all of it a minute later", () => {
    const bucket = bucketOf(60_000);
    bucket.slowDown(5_000);
    expect(bucket.take(1_000).granted).to.equal(0);
    now += 5_000;
    bucket.take(1_000);
    now += 1_000;
    expect(bucket.take(1_000).granted).to.be.within(95, 100);
    now += MINUTE_MS;
    bucket.take(1_000);
    now += 500;
    expect(bucket.take(1_000).granted).to.be.within(480, 500);
  });

  it("grants nothing for time that its clock takes back", () => {
    const bucket = bucketOf(60_000);
    bucket.take(1_000);
    now -= 3_600_000;
    expect(bucket.take(1).granted).to.equal(0);
    now += 3_600_000;
    expect(bucket.take(1_000).granted).to.equal(0);
  });
});
