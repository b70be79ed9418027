import { expect } from "chai";
import * as fc from "fast-check";
import { refusal } from "../test/refusal.ts";
import { VERSIONS, formatPatchProperty, parseConversationPatch } from "./index.ts";
import type { LayerVersion } from "./index.ts";

const LIMITS = { maxParticipants: 3 };
const parse = (version: LayerVersion, ...operations: unknown[]) => parseConversationPatch(version, operations, LIMITS);

const set = (value: unknown) => ({ operation: "set", property: "participants", value });

describe("a patch of a conversation", () => {
  it("adds and removes participants by value in 1.x", () => {
    for (const version of ["1.0", "1.1"] as const) {
      expect(
        parse(
          version,
          { operation: "add", property: "participants", value: "u1" },
          { operation: "remove", property: "participants", value: "u2" },
        ),
      ).to.deep.equal([
        { kind: "add-participant", userId: "u1" },
        { kind: "remove-participant", userId: "u2" },
      ]);
    }
  });

  it("takes id and value, identity ids and user ids from 2.0", () => {
    for (const version of ["2.0", "3.0"] as const) {
      for (const operand of [
        { id: "layer:///identities/a%2Fb" },
        { value: "layer:///identities/a%2Fb" },
        { id: "a/b" },
        { value: "a/b" },
        { id: "layer:///identities/a%2Fb", value: { user_id: "somebody else" } },
      ]) {
        expect(parse(version, { operation: "add", property: "participants", ...operand })).to.deep.equal([
          { kind: "add-participant", userId: "a/b" },
        ]);
      }
    }
  });

  it("takes the id form in 1.x too, as only identities have ids", () => {
    const operation = { operation: "remove", property: "participants", id: "layer:///identities/u1" };
    expect(parse("1.0", operation)).to.deep.equal([{ kind: "remove-participant", userId: "u1" }]);
  });

  it("sets all participants at once, each once, but never to nobody or to too many", () => {
    expect(parse("1.0", set(["u1", "u2", "u1"]))).to.deep.equal([{ kind: "set-participants", userIds: ["u1", "u2"] }]);
    const uris = ["layer:///identities/u1", "u2"];
    expect(parse("3.0", set(uris))).to.deep.equal([{ kind: "set-participants", userIds: ["u1", "u2"] }]);
    expect(refusal(() => parse("3.0", set([])))).to.equal("invalid_property participants");
    expect(refusal(() => parse("3.0", set(["a", "b", "c", "d"])))).to.equal("invalid_property participants");
    for (const value of ["u1", { u1: true }, [7], null]) {
      expect(refusal(() => parse("3.0", set(value)))).to.equal("invalid_property value");
    }
  });

  it("sets and deletes metadata below any path, and as a whole", () => {
    for (const version of VERSIONS) {
      expect(
        parse(
          version,
          { operation: "set", property: "metadata.a.b", value: "c" },
          { operation: "set", property: "metadata.a\\.b", value: { c: { d: "e" } } },
          { operation: "delete", property: "metadata.a" },
          { operation: "set", property: "metadata", value: { f: "g" } },
          { operation: "delete", property: "metadata" },
          { operation: "set", property: "metadata", value: null },
        ),
      ).to.deep.equal([
        { kind: "set-metadata", path: ["a", "b"], value: "c" },
        { kind: "set-metadata", path: ["a.b"], value: { c: { d: "e" } } },
        { kind: "delete-metadata", path: ["a"] },
        { kind: "set-metadata", path: [], value: { f: "g" } },
        { kind: "delete-metadata", path: [] },
        { kind: "delete-metadata", path: [] },
      ]);
    }
  });

  it("reaches the key that its path was made of, whatever characters are in it", () => {
    // A key that ends with a backslash can only come last: the format has no escape for it.
    const key = fc.string({ minLength: 1 }).filter((text) => !/\0|\\$|^(__proto__|constructor|prototype)$/.test(text));
    fc.assert(
      fc.property(fc.array(key, { minLength: 1, maxLength: 5 }), fc.string(), (path, value) => {
        const property = formatPatchProperty(["metadata", ...path]);
        expect(parse("3.0", { operation: "set", property, value })).to.deep.equal([
          { kind: "set-metadata", path, value },
        ]);
      }),
    );
  });

  it("keeps the order of its operations", () => {
    fc.assert(
      fc.property(fc.array(fc.tuple(fc.boolean(), fc.integer({ min: 0, max: 9 }))), (steps) => {
        const operations = steps.map(([adds, n]) => ({
          operation: adds ? "add" : "remove",
          property: "participants",
          value: `u${n}`,
        }));
        expect(parse("3.0", ...operations)).to.deep.equal(
          steps.map(([adds, n]) => ({ kind: adds ? "add-participant" : "remove-participant", userId: `u${n}` })),
        );
      }),
    );
  });

  it("is refused by the property that may not be touched", () => {
    const refused: readonly [Readonly<Record<string, unknown>>, string][] = [
      [{ operation: "set", property: "distinct", value: true }, "distinct"],
      [{ operation: "set", property: "id", value: "x" }, "id"],
      [{ operation: "delete", property: "participants" }, "participants"],
      [{ operation: "add", property: "participants.0", value: "u1" }, "participants.0"],
      [{ operation: "add", property: "metadata.a", value: "b" }, "metadata.a"],
      [{ operation: "remove", property: "metadata.a", value: "b" }, "metadata.a"],
      [{ operation: "set", property: "metadata.a", id: "b" }, "metadata.a"],
      [{ operation: "set", property: "metadata.__proto__.x", value: "b" }, "metadata.__proto__.x"],
      [{ operation: "set", property: "metadata.a", value: 1 }, "metadata.a"],
      [{ operation: "set", property: "metadata.a", value: { b: null } }, "metadata.a.b"],
      [{ operation: "set", property: "metadata", value: "b" }, "metadata"],
      [{ operation: "add", property: "participants", value: 7 }, "value"],
      [{ operation: "add", property: "participants", id: "layer:///identities/" }, "id"],
      [{ operation: "push", property: "participants", value: "u1" }, "operation"],
    ];
    for (const [operation, property] of refused) {
      expect(
        refusal(() => parse("3.0", operation)),
        JSON.stringify(operation),
      ).to.equal(`invalid_property ${property}`);
    }
    expect(refusal(() => parseConversationPatch("3.0", {}, LIMITS))).to.equal("invalid_request");
  });
});
