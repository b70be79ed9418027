import { expect } from "chai";
import { refusal } from "../test/refusal.ts";
import { parsePatch } from "./index.ts";

const one = (operation: unknown) => refusal(() => parsePatch([operation]));

describe("the body of a PATCH", () => {
  it("is an array of operations, perhaps of none", () => {
    expect(parsePatch([])).to.deep.equal([]);
    expect(parsePatch([{ operation: "set", property: "metadata.a", value: "x" }])).to.deep.equal([
      { operation: "set", property: "metadata.a", root: "metadata", path: ["a"], value: "x" },
    ]);
  });

  it("names an operand by id, by value, or by both", () => {
    const [byId, byBoth] = parsePatch([
      { operation: "add", property: "participants", id: "layer:///identities/u" },
      { operation: "add", property: "participants", id: "layer:///identities/u", value: { user_id: "u" } },
    ]);
    expect(byId).to.include({ id: "layer:///identities/u" }).and.not.to.have.property("value");
    expect(byBoth).to.have.all.keys("operation", "property", "root", "path", "id", "value");
  });

  for (const body of [null, undefined, {}, "[]", 7]) {
    it(`is refused with 400 when it is ${JSON.stringify(body)}`, () => {
      expect(refusal(() => parsePatch(body))).to.equal("invalid_request");
    });
  }

  it("names the member that is bad", () => {
    expect(one(null)).to.equal("invalid_property operation");
    expect(one({ property: "a", value: 1 })).to.equal("invalid_property operation");
    expect(one({ operation: "move", property: "a", value: 1 })).to.equal("invalid_property operation");
    expect(one({ operation: "set", value: 1 })).to.equal("invalid_property property");
    expect(one({ operation: "set", path: "a", value: 1 })).to.equal("invalid_property property");
    expect(one({ operation: "set", property: "a" })).to.equal("invalid_property value");
    expect(one({ operation: "add", property: "a", id: 7 })).to.equal("invalid_property id");
  });

  it("names the property whose path is bad", () => {
    expect(one({ operation: "set", property: "metadata.__proto__.x", value: "1" })).to.equal(
      "invalid_property metadata.__proto__.x",
    );
  });

  it("adds and removes by value scalars only", () => {
    for (const operation of ["add", "remove"]) {
      for (const value of [["u1"], { id: "u1" }]) {
        expect(one({ operation, property: "participants", value })).to.equal("invalid_property value");
      }
    }
  });

  it("carries no value with keys that reach a prototype, or that no database stores", () => {
    const nested: unknown = JSON.parse(`${'{"a":'.repeat(40)}1${"}".repeat(40)}`);
    for (const value of [JSON.parse('{"a":{"__proto__":{"x":"1"}}}') as unknown, { "a\0": "1" }, nested]) {
      expect(one({ operation: "set", property: "metadata", value })).to.equal("invalid_property value");
    }
  });
});
