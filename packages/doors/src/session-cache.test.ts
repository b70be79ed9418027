import { expect } from "chai";
import { type KnownSession, sessionCache } from "./session-cache.ts";

const sessionOf = (userId: string, appId = "shop"): KnownSession => ({ appId, userId, expiresAt: 1e15 });

describe("sessionCache", () => {
  let time = 0;
  let asked: string[];
  let cache: ReturnType<typeof sessionCache>;
  beforeEach(() => {
    time = 1_000;
    asked = [];
    cache = sessionCache(() => time);
  });
  const get = (hash: string, session: KnownSession | null) =>
    cache.get(hash, async () => {
      asked.push(hash);
      return session;
    });

  it("asks once for callers who come together, and not again within a minute", async () => {
    await Promise.all([get("a", sessionOf("ann")), get("a", sessionOf("ann"))]);
    await get("a", null);
    expect(asked).to.deep.equal(["a"]);
    time += 60_001;
    await get("a", sessionOf("ann"));
    expect(asked).to.deep.equal(["a", "a"]);
  });

  it("forgets all of a user's, of that app, and nobody else's", async () => {
    const all = { a: sessionOf("ann"), b: sessionOf("ann"), c: sessionOf("bob"), d: sessionOf("ann", "other") };
    for (const [hash, session] of Object.entries(all)) await get(hash, session);
    cache.forgetUser("shop", "ann");
    asked = [];
    for (const [hash, session] of Object.entries(all)) await get(hash, session);
    expect(asked).to.deep.equal(["a", "b"]);
  });

  it("does not bring back what ended before when the user logs in again", async () => {
    await get("a", sessionOf("ann"));
    cache.forgetUser("shop", "ann");
    await get("b", sessionOf("ann"));
    expect(await get("a", null)).to.equal(null);
  });

  it("keeps nothing of an answer that was under way when it ended", async () => {
    for (const forget of [() => cache.forget("a"), () => cache.forgetUser("shop", "ann"), () => cache.forgetAll()]) {
      const { promise, resolve } = Promise.withResolvers<KnownSession | null>();
      const answer = cache.get("a", () => promise);
      forget();
      resolve(sessionOf("ann"));
      await answer;
      expect(await get("a", null)).to.equal(null);
      time += 5_001;
    }
  });

  it("remembers for a few seconds only that a token is none", async () => {
    await get("a", null);
    await get("a", sessionOf("ann"));
    expect(asked).to.deep.equal(["a"]);
    time += 5_001;
    expect(await get("a", sessionOf("ann"))).to.have.property("userId", "ann");
  });
});
