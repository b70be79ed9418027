import { expect } from "chai";
import * as fc from "fast-check";
import { compareUserIds } from "./user-id-order.ts";

describe("compareUserIds", () => {
  /** Short strings of few, awkward characters: most differences lie where the two orders disagree. */
  const awkward = fc.string({
    unit: fc.constantFrom("a", "b", "/", "\0", "é", "\ud7ff", "\ue000", "\uffff", "😀", "\u{10ffff}"),
    maxLength: 6,
  });
  const anyId = fc.oneof(awkward, fc.string({ unit: "binary" }), fc.string({ unit: "grapheme" }));

  it("orders any two ids as their UTF-8 bytes", () => {
    fc.assert(
      fc.property(anyId, anyId, (a, b) => {
        const expected = Buffer.compare(Buffer.from(a), Buffer.from(b));
        expect(Math.sign(compareUserIds(a, b))).to.equal(expected);
      }),
      { numRuns: 2_000 },
    );
  });

  it("puts an emoji behind U+FFFD, where JavaScript's own order puts it before", () => {
    expect(["\ufffd", "😀"].toSorted()[0]).to.equal("😀");
    expect(compareUserIds("😀", "\ufffd")).to.be.greaterThan(0);
  });
});
