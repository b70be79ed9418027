import { expect } from "chai";
import { isSameMetadata, metadataBytes, metadataProperty, withoutValue, withValue } from "./metadata.ts";

describe("metadata", () => {
  it("is the same in whatever order its keys are", () => {
    expect(isSameMetadata({ a: "1", b: { c: "2", d: "3" } }, { b: { d: "3", c: "2" }, a: "1" })).to.equal(true);
    expect(isSameMetadata({ a: "1" }, { a: { b: "1" } })).to.equal(false);
    expect(isSameMetadata({ a: "1" }, { a: "1", b: "2" })).to.equal(false);
  });

  it("is measured in bytes, not in characters", () => {
    expect(metadataBytes({ a: "é" })).to.equal(10);
  });

  it("takes a value at a path, makes missing parents, and leaves what is beside it", () => {
    expect(withValue({ a: "1" }, ["b", "c"], "2")).to.deep.equal({ a: "1", b: { c: "2" } });
    expect(withValue({ b: { d: "1" } }, ["b", "c"], { e: "2" })).to.deep.equal({ b: { d: "1", c: { e: "2" } } });
    expect(withValue({ a: { b: "1" } }, ["a"], "2")).to.deep.equal({ a: "2" });
  });

  it("is replaced as a whole at the empty path, by an object only", () => {
    expect(withValue({ a: "1" }, [], { b: "2" })).to.deep.equal({ b: "2" });
    expect(withValue({ a: "1" }, [], "2")).to.equal(null);
  });

  it("has no path through a string", () => {
    expect(withValue({ a: "1" }, ["a", "b"], "2")).to.equal(null);
    expect(withoutValue({ a: "1" }, ["a", "b"])).to.equal(null);
  });

  it("loses what is at a path, and nothing where there is nothing", () => {
    expect(withoutValue({ a: { b: "1", c: "2" } }, ["a", "b"])).to.deep.equal({ a: { c: "2" } });
    expect(withoutValue({ a: "1" }, ["b", "c"])).to.deep.equal({ a: "1" });
    expect(withoutValue({ a: "1" }, [])).to.deep.equal({});
  });

  it("takes the names of JavaScript's own properties for keys like any other", () => {
    expect(withValue({}, ["constructor", "name"], "1")).to.deep.equal({ constructor: { name: "1" } });
    expect(withoutValue({}, ["toString", "length"])).to.deep.equal({});
    const changed = withValue({}, ["__proto__", "polluted"], "1");
    expect(Object.entries(changed ?? {})).to.deep.equal([["__proto__", { polluted: "1" }]]);
    expect(Object.keys(Object.prototype)).to.deep.equal([]);
  });

  it("is named as the API writes it", () => {
    expect(metadataProperty([])).to.equal("metadata");
    expect(metadataProperty(["a.b", "c"])).to.equal("metadata.a\\.b.c");
  });
});
