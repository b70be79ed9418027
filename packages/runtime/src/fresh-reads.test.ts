import { setTimeout as wait } from "node:timers/promises";
import { expect } from "chai";
import { freshReads } from "./fresh-reads.ts";

/** Reads that say how many there were, with what they were given. */
function counted(options: { readonly freshMs: number; readonly maxKeys?: number }) {
  const given: (readonly [key: string, before: string | undefined])[] = [];
  let fails = false;
  const reads = freshReads<string>({
    maxKeys: 10,
    ...options,
    async read(key, before) {
      const known = await before;
      given.push([key, known]);
      if (fails) throw new Error("away");
      return `${key} ${given.length}`;
    },
  });
  return { reads, given, failing: (isFailing: boolean) => (fails = isFailing) };
}

const errorOf = (work: Promise<unknown>) =>
  work.then(
    () => null,
    (error: unknown) => String(error),
  );

describe("freshReads", () => {
  it("reads once for all who ask at the same time, and while it is fresh", async () => {
    const { reads, given } = counted({ freshMs: 60_000 });
    expect(await Promise.all([reads.of("a"), reads.of("a"), reads.of("b")])).to.deep.equal(["a 1", "a 1", "b 2"]);
    expect(await reads.of("a")).to.equal("a 1");
    expect(given).to.have.lengthOf(2);
  });

  it("reads again what is not fresh any more, knowing what it was", async () => {
    const { reads, given } = counted({ freshMs: 1 });
    await reads.of("a");
    await wait(5);
    expect(await reads.of("a")).to.equal("a 2");
    expect(given).to.deep.equal([
      ["a", undefined],
      ["a", "a 1"],
    ]);
  });

  it("reads again what is to be forgotten, also while it is read", async () => {
    const { reads } = counted({ freshMs: 60_000 });
    const under = reads.of("a");
    reads.forget("a");
    expect(await Promise.all([under, reads.of("a")])).to.deep.equal(["a 1", "a 2"]);
    expect(await reads.of("a")).to.equal("a 2");
  });

  it("keeps a failure for nobody", async () => {
    const { reads, failing } = counted({ freshMs: 60_000 });
    failing(true);
    expect(await errorOf(reads.of("a"))).to.equal("Error: away");
    failing(false);
    expect(await reads.of("a")).to.equal("a 2");
  });

  it("forgets beyond its bound what was read first", async () => {
    const { reads } = counted({ freshMs: 60_000, maxKeys: 2 });
    for (const key of ["a", "b", "c"]) await reads.of(key);
    expect([await reads.of("c"), await reads.of("b")]).to.deep.equal(["c 3", "b 2"]);
    expect(await reads.of("a")).to.equal("a 4");
  });
});
