import { rateLimit } from "@strata/doors";
import { expect } from "chai";
import { newcomers } from "./newcomers.ts";

const HOUR_MS = 3_600_000;

function aDoor(burst: number) {
  let now = 0;
  const asked: string[] = [];
  // As good as never filled up again.
  const rates = rateLimit({ perSecond: 1e-9, burst }, () => now);
  const door = newcomers(rates, () => now);
  const ask = async (address: string, hash: string, answer: (() => Promise<string | null>) | string | null) => {
    const reply = door.from(address)(hash, async () => {
      asked.push(hash);
      return typeof answer === "function" ? answer() : answer;
    });
    return reply.catch((error: unknown) => String(error));
  };
  return { rates, ask, asked, later: (ms: number) => (now += ms) };
}

describe("newcomers", () => {
  it("asks about no more unknown tokens at once than their address may do, and about those of others", async () => {
    const { ask, asked } = aDoor(2);
    const held = Promise.withResolvers<null>();
    const first = ["a", "b"].map((hash) => ask("there", hash, () => held.promise));
    expect(await ask("there", "c", "good")).to.match(/rate_limit|too many/i);
    expect(await ask("elsewhere", "d", "good")).to.equal("good");
    held.resolve(null);
    expect(await Promise.all(first)).to.deep.equal([null, null]);
    expect(asked).to.deep.equal(["a", "b", "d"]);
  });

  it("costs nothing that a token is good, or that nobody answers", async () => {
    const { ask } = aDoor(1);
    expect(await ask("there", "a", "good")).to.equal("good");
    expect(await ask("there", "b", () => Promise.reject(new Error("away")))).to.equal("Error: away");
    expect(await ask("there", "c", "good")).to.equal("good");
  });

  it("asks for an hour about who was good, also where her address may do nothing more", async () => {
    const { ask, rates, later } = aDoor(1);
    await ask("there", "a", "good");
    rates.take("there");
    later(HOUR_MS - 1);
    expect(await ask("there", "a", "good")).to.equal("good");
    later(HOUR_MS);
    expect(await ask("there", "a", "good")).to.match(/rate_limit|too many/i);
  });

  it("knows nobody any more who is good no longer", async () => {
    const { ask, rates } = aDoor(1);
    await ask("there", "a", "good");
    await ask("there", "a", null);
    rates.take("there");
    expect(await ask("there", "a", "good")).to.match(/rate_limit|too many/i);
  });
});
