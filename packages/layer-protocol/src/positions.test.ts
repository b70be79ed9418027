import { expect } from "chai";
import * as fc from "fast-check";
import { refusal } from "../test/refusal.ts";
import { parseReadPosition, sequenceAt, wirePosition } from "./index.ts";

const sequences = fc.integer({ min: 0, max: 2 ** 33 - 1 });

describe("positions", () => {
  it("lead back to their message, and so does any position between it and the next", () => {
    fc.assert(
      fc.property(sequences, fc.integer({ min: 0, max: 2 ** 20 - 1 }), (sequence, between) => {
        expect(sequenceAt(wirePosition(sequence) + between)).to.equal(sequence);
      }),
    );
  });

  it("keep the order of messages, and are numbers that JSON holds exactly", () => {
    fc.assert(
      fc.property(sequences, sequences, (a, b) => {
        expect(Math.sign(wirePosition(a) - wirePosition(b))).to.equal(Math.sign(a - b));
        expect(Number.isSafeInteger(wirePosition(a))).to.equal(true);
      }),
    );
  });
});

describe("the body of mark_all_read", () => {
  it("names a position, or none for the newest", () => {
    expect(parseReadPosition({ position: wirePosition(7) })).to.equal(7);
    for (const body of [undefined, null, {}, { position: null }]) expect(parseReadPosition(body)).to.equal(null);
  });

  it("is refused with what is no position", () => {
    for (const position of [-1, "7", 1e300, true, [7]]) {
      expect(refusal(() => parseReadPosition({ position }))).to.equal("invalid_property position");
    }
    expect(refusal(() => parseReadPosition([]))).to.equal("invalid_request");
  });
});
