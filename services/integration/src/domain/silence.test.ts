import { expect } from "chai";
import { silence } from "./silence.ts";

describe("the silence of a backend", () => {
  let now: number;
  let heard: ReturnType<typeof silence>;
  beforeEach(() => {
    now = 1_000_000;
    heard = silence({ now: () => now });
  });

  /** Asked now, and missed so much later. */
  const misses = (count: number, afterMs: number): void => {
    const askedAt = now;
    now += afterMs;
    for (let miss = 0; miss < count; miss += 1) heard.missed(askedAt);
  };

  it("is long after three misses in a row over three seconds, and no sooner", () => {
    misses(1, 1_500);
    misses(1, 1_400);
    expect(heard.isLong()).to.equal(false);
    misses(1, 100);
    expect(heard.isLong()).to.equal(true);
  });

  it("is not long for a hiccup that many questions meet together, nor for two that waited long", () => {
    misses(50, 1_500);
    expect(heard.isLong()).to.equal(false);
    heard.answered();
    misses(2, 4_000);
    expect(heard.isLong()).to.equal(false);
    misses(1, 0);
    expect(heard.isLong()).to.equal(true);
  });

  it("begins anew with an answer, also for who was asked before it", () => {
    const askedAt = now;
    now += 3_900;
    heard.answered();
    now += 100;
    for (let miss = 0; miss < 5; miss += 1) heard.missed(askedAt);
    expect(heard.isLong()).to.equal(false);
    now += 2_900;
    expect(heard.isLong()).to.equal(true);
  });
});
