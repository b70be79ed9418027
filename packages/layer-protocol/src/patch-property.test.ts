import { expect } from "chai";
import * as fc from "fast-check";
import { formatPatchProperty, parsePatchProperty } from "./index.ts";

describe("the property of a patch", () => {
  it("is split at its dots, and an escaped dot is part of a key", () => {
    expect(parsePatchProperty("metadata")).to.deep.equal(["metadata"]);
    expect(parsePatchProperty("metadata.a.b")).to.deep.equal(["metadata", "a", "b"]);
    expect(parsePatchProperty("recipient_status.layer:///identities/a\\.b")).to.deep.equal([
      "recipient_status",
      "layer:///identities/a.b",
    ]);
    expect(parsePatchProperty("metadata.a\\.b.c")).to.deep.equal(["metadata", "a.b", "c"]);
  });

  it("survives being written and read, whatever dots and backslashes its keys hold", () => {
    const key = fc
      .string({ unit: fc.constantFrom(...Array.from("ab.\\:/é ")), minLength: 1, maxLength: 8 })
      .filter((text) => !text.endsWith("\\"));
    fc.assert(
      fc.property(fc.array(key, { minLength: 1, maxLength: 5 }), (path) => {
        expect(parsePatchProperty(formatPatchProperty(path))).to.deep.equal(path);
      }),
    );
  });

  for (const property of [
    "",
    ".",
    "metadata.",
    "metadata..a",
    "__proto__",
    "metadata.__proto__.isAdmin",
    "metadata.constructor.prototype.isAdmin",
    "metadata.a\0b",
  ]) {
    it(`cannot be ${JSON.stringify(property)}`, () => {
      expect(parsePatchProperty(property)).to.equal(null);
    });
  }
});
