import { expect } from "chai";
import { boundedCache } from "./bounded-cache.ts";

describe("boundedCache", () => {
  it("never holds more than its limit, and forgets what was stored longest ago", () => {
    const cache = boundedCache<number>({ maxEntries: 2, ttlMs: 1_000 });
    cache.set("a", 1);
    cache.set("b", 2);
    cache.set("a", 3);
    cache.set("c", 4);
    expect([cache.get("a"), cache.get("b"), cache.get("c")]).to.deep.equal([3, undefined, 4]);
  });

  it("forgets each value when its time is over", () => {
    let now = 0;
    const cache = boundedCache<number>({ maxEntries: 2, ttlMs: 1_000, now: () => now });
    cache.set("a", 1);
    now = 999;
    expect(cache.get("a")).to.equal(1);
    now = 1_000;
    expect(cache.get("a")).to.equal(undefined);
  });
});
