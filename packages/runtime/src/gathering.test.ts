import { expect } from "chai";
import { gathering } from "./gathering.ts";

/** Doubles numbers, and remembers which it was asked about together. */
function doubling(options: { concurrency?: number; maxWeight?: number; weightOf?: (n: number) => number } = {}) {
  const batches: number[][] = [];
  const gates: (() => void)[] = [];
  const { concurrency = 1, maxWeight = 100, ...rest } = options;
  const double = gathering<number, number>({
    concurrency,
    maxWeight,
    ...rest,
    async work(inputs) {
      batches.push([...inputs]);
      if (inputs.includes(13)) throw new Error("unlucky");
      if (inputs.includes(0)) await new Promise<void>((resolve) => gates.push(resolve));
      return inputs.map((n) => n * 2);
    },
  });
  return { batches, double, open: () => gates.shift()?.() };
}

describe("gathering", () => {
  it("answers calls of one turn together, each its own", async () => {
    const { batches, double } = doubling();
    expect(await Promise.all([1, 2, 3].map(double))).to.deep.equal([2, 4, 6]);
    expect(batches).to.deep.equal([[1, 2, 3]]);
  });

  it("keeps what comes while a batch is under way for the next one", async () => {
    const { batches, double, open } = doubling();
    const first = double(0);
    await new Promise(setImmediate);
    const rest = [double(1), double(2)];
    await new Promise(setImmediate);
    expect(batches).to.deep.equal([[0]]);
    open();
    expect(await Promise.all([first, ...rest])).to.deep.equal([0, 2, 4]);
    expect(batches).to.deep.equal([[0], [1, 2]]);
  });

  it("lets as many batches be under way as it may", async () => {
    const { batches, double, open } = doubling({ concurrency: 2 });
    const first = double(0);
    await new Promise(setImmediate);
    expect(await double(1)).to.equal(2);
    open();
    await first;
    expect(batches).to.deep.equal([[0], [1]]);
  });

  it("bounds the weight of a batch, and takes what alone is too heavy alone", async () => {
    const { batches, double } = doubling({ maxWeight: 5, weightOf: (n) => n });
    await Promise.all([2, 3, 1, 9, 1].map(double));
    expect(batches).to.deep.equal([[2, 3], [1], [9], [1]]);
  });

  it("tries each alone when a batch fails, so that only the one at fault fails", async () => {
    const { double } = doubling();
    const results = await Promise.allSettled([1, 13, 2].map(double));
    expect(results.map((result) => (result.status === "fulfilled" ? result.value : "failed"))).to.deep.equal([
      2,
      "failed",
      4,
    ]);
  });
});
