import { expect } from "chai";
import * as fc from "fast-check";
import { refusal } from "../test/refusal.ts";
import { parsePartBody, parsePartReference, parsePartsBody, partUri } from "./index.ts";

const M = "0c8f66a0-9d5b-4d0f-8b5f-7c6a5a4a3b21";
const OTHER = "1c8f66a0-9d5b-4d0f-8b5f-7c6a5a4a3b21";
const P = "5b1f0c7e-3a0f-4f6f-9d3a-2f1e0d9c8b7a";
const OPTIONS = { version: "3.0", messageId: M, maxParts: 2, maxPartBytes: 2048 } as const;
const PART = { mime_type: "text/plain", body: "hi" };
const STORED = { partId: null, mimeType: "text/plain", body: "hi", encoding: null, content: null };

describe("a part in a path", () => {
  it("is named by UUID, by place, and by the URI of either", () => {
    for (const text of [P, P.toUpperCase(), `layer:///messages/${M}/parts/${P}`]) {
      expect(parsePartReference(M, text)).to.deep.equal({ partId: P });
    }
    fc.assert(
      fc.property(fc.integer({ min: 0, max: 999 }), (index) => {
        expect(parsePartReference(M, String(index))).to.deep.equal({ index });
        expect(parsePartReference(M, partUri("messages", M, index))).to.deep.equal({ index });
      }),
    );
  });

  it("is none with anything else, or of another message", () => {
    for (const text of ["", "first", "-1", "01", "1.5", `layer:///messages/${OTHER}/parts/${P}`, "a/parts/0"]) {
      expect(parsePartReference(M, text), text).to.equal(null);
    }
  });
});

describe("the body of a part", () => {
  it("is read as in a message, alone or all together", () => {
    expect(parsePartBody(PART, OPTIONS)).to.deep.equal(STORED);
    expect(parsePartsBody([PART, { ...PART, id: P }], OPTIONS)).to.deep.equal([STORED, { ...STORED, partId: P }]);
  });

  it("misses what is required before its values are looked at", () => {
    expect(refusal(() => parsePartBody({ body: 7 }, OPTIONS))).to.equal("missing_property parts.mime_type");
    expect(refusal(() => parsePartBody({ mime_type: "x" }, OPTIONS))).to.equal("missing_property parts.body");
    expect(refusal(() => parsePartsBody([], OPTIONS))).to.equal("missing_property parts");
    expect(refusal(() => parsePartsBody([{ ...PART, body: 7 }, {}], OPTIONS))).to.equal(
      "missing_property parts.mime_type",
    );
    expect(refusal(() => parsePartBody({ ...PART, body: 7 }, OPTIONS))).to.equal("invalid_property parts.body");
    expect(refusal(() => parsePartsBody([PART, PART, PART], OPTIONS))).to.equal("invalid_property parts");
    expect(refusal(() => parsePartBody([PART], OPTIONS))).to.equal("invalid_request");
    expect(refusal(() => parsePartsBody(PART, OPTIONS))).to.equal("invalid_request");
  });
});
