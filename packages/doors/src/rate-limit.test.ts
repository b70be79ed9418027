import { LayerError } from "@strata/layer-protocol";
import { expect } from "chai";
import { rateLimit } from "./rate-limit.ts";

/** null where it was let through. */
function retryAfter(take: () => void): string | null {
  try {
    take();
    return null;
  } catch (error) {
    if (error instanceof LayerError && error.id === "rate_limit_exceeded") return error.headers["Retry-After"] ?? "";
    throw error;
  }
}

describe("rateLimit", () => {
  it("lets a burst through, then as many as the rate allows, and says when to come back", () => {
    let now = 0;
    const limit = rateLimit({ perSecond: 0.5, burst: 3 }, () => now);
    const take = () => retryAfter(() => limit.take("a"));
    expect([take(), take(), take(), take()]).to.deep.equal([null, null, null, "2"]);
    now = 1_000;
    expect(take()).to.equal("1");
    now = 2_000;
    expect([take(), take()]).to.deep.equal([null, "2"]);
  });

  it("never saves up more than a burst", () => {
    let now = 0;
    const limit = rateLimit({ perSecond: 10, burst: 2 }, () => now);
    limit.take("a");
    now = 60_000;
    const replies = [1, 2, 3].map(() => retryAfter(() => limit.take("a")));
    expect(replies).to.deep.equal([null, null, "1"]);
  });

  it("gives back what is not to count after all, and never more than a burst", () => {
    const limit = rateLimit({ perSecond: 1, burst: 1 }, () => 0);
    const take = () => retryAfter(() => limit.take("a"));
    expect(take()).to.equal(null);
    limit.giveBack("a");
    limit.giveBack("a");
    expect([take(), take()]).to.deep.equal([null, "1"]);
  });

  it("counts each owner by herself", () => {
    const limit = rateLimit({ perSecond: 1, burst: 1 }, () => 0);
    const replies = ["a", "b", "a"].map((token) => retryAfter(() => limit.take(token)));
    expect(replies).to.deep.equal([null, null, "1"]);
  });

  it("counts nothing when it is off", () => {
    const limit = rateLimit({ perSecond: 0, burst: 1 });
    expect([1, 2, 3].map(() => retryAfter(() => limit.take("a")))).to.deep.equal([null, null, null]);
  });
});
