import { expect } from "chai";
import { canonicalJson } from "./canonical-json.ts";

describe("canonicalJson", () => {
  it("is JSON, with keys sorted at every depth and nothing lost", () => {
    const value = { b: [{ d: null, c: "ü\n" }], a: { "10": true, "9": 1.5 } };
    expect(canonicalJson(value)).to.equal('{"a":{"10":true,"9":1.5},"b":[{"c":"ü\\n","d":null}]}');
    expect(JSON.parse(canonicalJson(value))).to.deep.equal(value);
  });

  it("leaves out what is undefined, as JSON does", () => {
    expect(canonicalJson({ a: undefined, b: [undefined] })).to.equal('{"b":[null]}');
  });

  it("tells a list from an object of the same members", () => {
    expect(canonicalJson(["a", 1])).not.to.equal(canonicalJson({ a: 1 }));
  });
});
