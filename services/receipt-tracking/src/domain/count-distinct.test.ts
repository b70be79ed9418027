import { compareUserIds } from "@strata/contracts";
import { expect } from "chai";
import * as fc from "fast-check";
import { countDistinct } from "./count-distinct.ts";

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

describe("counting ascending streams together", () => {
  it("counts each once, however many streams have it and wherever their pages end", async () => {
    const lists = fc.array(fc.tuple(ascending, fc.integer({ min: 1, max: 5 })), { maxLength: 4 });
    await fc.assert(
      fc.asyncProperty(lists, async (some) => {
        const streams = some.map(([ids, size]) => inPages(ids, size));
        expect(await countDistinct(streams, compareUserIds)).to.equal(new Set(some.flatMap(([ids]) => ids)).size);
      }),
    );
  });

  it("takes an empty page for no end", async () => {
    expect(await countDistinct([withGaps(), inPages([], 1)], compareUserIds)).to.equal(2);
  });
});
