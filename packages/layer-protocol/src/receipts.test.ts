import { expect } from "chai";
import { refusal } from "../test/refusal.ts";
import { parseReceipt } from "./index.ts";

describe("a receipt", () => {
  it("is read, delivered, or what the web clients call delivery", () => {
    expect(["read", "delivered", "delivery"].map((type) => parseReceipt({ type }))).to.deep.equal([
      "read",
      "delivered",
      "delivered",
    ]);
  });

  it("must say its type", () => {
    expect(refusal(() => parseReceipt({}))).to.equal("missing_property type");
    expect(refusal(() => parseReceipt({ type: null }))).to.equal("missing_property type");
  });

  for (const type of ["seen", "READ", 1, "constructor", ["read"]]) {
    it(`is not of type ${JSON.stringify(type)}`, () => {
      expect(refusal(() => parseReceipt({ type }))).to.equal("invalid_property type");
    });
  }

  for (const body of [null, undefined, [], "read"]) {
    it(`is not ${JSON.stringify(body)}`, () => {
      expect(refusal(() => parseReceipt(body))).to.equal("invalid_request");
    });
  }
});
