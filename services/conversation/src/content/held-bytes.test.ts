import { expect } from "chai";
import { heldBytes } from "./held-bytes.ts";

/** Transfers that go on until they are ended; answers how many of those that were tried are. */
function transfers(maxBytes: number) {
  const held = heldBytes(maxBytes);
  const ends: (() => void)[] = [];
  const begin = async (app: string, count: number): Promise<number> => {
    let begun = 0;
    for (let n = 0; n < count; n += 1) {
      const refused = held.during(app, 1, () => {
        begun += 1;
        return new Promise<void>((end) => ends.push(end));
      });
      refused.catch(() => undefined);
      await Promise.resolve();
    }
    return begun;
  };
  const endAll = async (): Promise<void> => {
    for (const end of ends.splice(0)) end();
    await new Promise(setImmediate);
  };
  return { begin, endAll };
}

describe("bytes held for transfers", () => {
  it("are half of all for an app that is alone, and a quarter is left to others whatever it does", async () => {
    const { begin, endAll } = transfers(100);
    expect(await begin("greedy", 200)).to.equal(50);
    expect(await begin("modest", 30)).to.equal(25);
    expect(await begin("third", 30)).to.equal(25);
    expect(await begin("fourth", 1), "all are held").to.equal(0);
    await endAll();
    expect(await begin("fourth", 200)).to.equal(50);
  });

  it("are free again after a transfer that failed", async () => {
    const held = heldBytes(1);
    const failing = held.during("app", 0.25, () => Promise.reject(new Error("cut off")));
    expect(await failing.catch((error: unknown) => String(error))).to.equal("Error: cut off");
    expect(await held.during("app", 0.25, async () => "room")).to.equal("room");
  });
});
