import { randomUUID } from "node:crypto";
import type { Grant } from "@strata/contracts";
import { expect } from "chai";
import { grantCache } from "./grant-cache.ts";

const aGrant = (): Grant => ({
  tokenId: randomUUID(),
  accountId: "account",
  appId: randomUUID(),
  scopes: ["app:read"],
  expiresAt: null,
});

/** A loader that counts how often it was asked. */
function loaderOf(answer: Grant | null) {
  const asked = { times: 0 };
  const load = async (): Promise<Grant | null> => {
    asked.times += 1;
    return answer;
  };
  return { asked, load };
}

describe("grantCache", () => {
  it("asks once for callers who come together, and not again within a minute", async () => {
    let now = 0;
    const cache = grantCache(() => now);
    const grant = aGrant();
    const { asked, load } = loaderOf(grant);
    expect(await Promise.all([cache.get("a", load), cache.get("a", load)])).to.deep.equal([grant, grant]);
    now = 59_999;
    await cache.get("a", load);
    expect(asked.times).to.equal(1);
    now = 60_000;
    await cache.get("a", load);
    expect(asked.times).to.equal(2);
  });

  it("remembers for a few seconds only that a token grants nothing", async () => {
    let now = 0;
    const cache = grantCache(() => now);
    const { asked, load } = loaderOf(null);
    await cache.get("a", load);
    await cache.get("a", load);
    expect(asked.times).to.equal(1);
    now = 5_000;
    await cache.get("a", load);
    expect(asked.times).to.equal(2);
  });

  it("keeps nothing of an answer that was under way when the token was revoked", async () => {
    for (const forget of ["forget", "forgetAll"] as const) {
      const cache = grantCache();
      const early = Promise.withResolvers<Grant | null>();
      const first = cache.get("a", () => early.promise);
      cache[forget]("a");
      early.resolve(aGrant());
      await first;
      expect(await cache.get("a", async () => null), forget).to.equal(null);
    }
  });

  it("does not remember a failure to ask", async () => {
    const cache = grantCache();
    const grant = aGrant();
    const failure = new Error("nobody answers");
    const failed = await cache.get("a", () => Promise.reject(failure)).catch((error: unknown) => error);
    expect(failed).to.equal(failure);
    expect(await cache.get("a", async () => grant)).to.equal(grant);
  });
});
