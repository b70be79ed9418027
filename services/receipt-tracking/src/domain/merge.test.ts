import { compareUserIds } from "@strata/contracts";
import { expect } from "chai";
import * as fc from "fast-check";
import { countUnion, merge } from "./merge.ts";

/** Ascending, none twice, and overlapping another such list often enough. */
const ascending = fc
  .uniqueArray(fc.string({ unit: fc.constantFrom("a", "b", "\uffff", "😀"), minLength: 1, maxLength: 3 }))
  .map((ids) => ids.toSorted(compareUserIds));

async function* inPages(ids: readonly string[], size: number): AsyncGenerator<readonly string[]> {
  for (let from = 0; from < ids.length; from += size) yield ids.slice(from, from + size);
}

async function* withGaps(): AsyncGenerator<readonly string[]> {
  yield [];
  yield ["a"];
  yield [];
  yield ["b"];
}

describe("merging two ascending lists", () => {
  it("has everything of both, ascending, and what is in both in one place", () => {
    fc.assert(
      fc.property(ascending, ascending, (left, right) => {
        const merged = merge(left, right, compareUserIds);
        const union = [...new Set([...left, ...right])].toSorted(compareUserIds);
        expect(merged.map((place) => place.left ?? place.right)).to.deep.equal(union);
        expect(merged.flatMap((place) => place.left ?? [])).to.deep.equal(left);
        expect(merged.flatMap((place) => place.right ?? [])).to.deep.equal(right);
      }),
    );
  });
});

describe("counting two ascending streams together", () => {
  it("counts each once, wherever the pages end", async () => {
    const pageSize = fc.integer({ min: 1, max: 5 });
    await fc.assert(
      fc.asyncProperty(ascending, ascending, pageSize, pageSize, async (left, right, leftSize, rightSize) => {
        const count = await countUnion(inPages(left, leftSize), inPages(right, rightSize), compareUserIds);
        expect(count).to.deep.equal({ union: new Set([...left, ...right]).size, right: right.length });
      }),
    );
  });

  it("takes an empty page for no end", async () => {
    expect(await countUnion(withGaps(), inPages([], 1), compareUserIds)).to.deep.equal({ union: 2, right: 0 });
  });
});
