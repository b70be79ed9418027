import { expect } from "chai";
import * as fc from "fast-check";
import { refusal } from "../test/refusal.ts";
import { LayerError, applyPatch, formatPatchProperty, isJsonObject, parsePatch, parseUserReference } from "./index.ts";
import type { JsonObject, PatchSchema } from "./index.ts";

const isMetadata = (value: unknown): boolean =>
  typeof value === "string" || (isJsonObject(value) && Object.values(value).every(isMetadata));

const schema: PatchSchema = {
  participants: {
    kind: "set",
    member: (operand) => (typeof operand === "string" ? parseUserReference("3.0", operand) : null),
    mayBecome: (members) => members.length > 0,
  },
  metadata: { kind: "object", accepts: isMetadata },
  suspended: { kind: "value", accepts: (value) => typeof value === "boolean" },
};

const conversation = () => ({ participants: ["u1", "u2"], metadata: { a: "1", b: { c: "2" } }, distinct: true });
const patch = (document: JsonObject, ...operations: unknown[]) => applyPatch(document, parsePatch(operations), schema);
const refused = (...operations: unknown[]) => refusal(() => patch(conversation(), ...operations));

describe("sets in a patch", () => {
  it("gain and lose members by id and by value", () => {
    const changed = patch(
      conversation(),
      { operation: "add", property: "participants", id: "layer:///identities/u%2F3" },
      { operation: "add", property: "participants", value: "u4" },
      { operation: "remove", property: "participants", value: "layer:///identities/u1" },
    );
    expect(changed.participants).to.deep.equal(["u2", "u/3", "u4"]);
  });

  it("have each member once, and may lose one they do not have", () => {
    const changed = patch(
      conversation(),
      { operation: "add", property: "participants", value: "u1" },
      { operation: "remove", property: "participants", value: "u9" },
    );
    expect(changed.participants).to.deep.equal(["u1", "u2"]);
  });

  it("are replaced as a whole, duplicates collapsed", () => {
    const changed = patch(conversation(), {
      operation: "set",
      property: "participants",
      value: ["layer:///identities/x", "y", "x"],
    });
    expect(changed.participants).to.deep.equal(["x", "y"]);
  });

  it("may be emptied one by one where they may not be set empty", () => {
    expect(refused({ operation: "set", property: "participants", value: [] })).to.equal(
      "invalid_property participants",
    );
    const changed = patch(
      conversation(),
      { operation: "remove", property: "participants", value: "u1" },
      { operation: "remove", property: "participants", value: "u2" },
    );
    expect(changed.participants).to.deep.equal([]);
  });

  it("come to be when the document has none", () => {
    expect(patch({}, { operation: "add", property: "participants", value: "u" })).to.deep.equal({
      participants: ["u"],
    });
  });

  it("refuse what cannot be a member", () => {
    expect(refused({ operation: "add", property: "participants", value: 7 })).to.equal("invalid_property value");
    expect(refused({ operation: "add", property: "participants", value: null })).to.equal("invalid_property value");
    expect(refused({ operation: "add", property: "participants", id: "" })).to.equal("invalid_property id");
    expect(refused({ operation: "set", property: "participants", value: ["u", 7] })).to.equal("invalid_property value");
    expect(refused({ operation: "set", property: "participants", value: "u" })).to.equal("invalid_property value");
    expect(refused({ operation: "delete", property: "participants" })).to.equal("invalid_property participants");
    expect(refused({ operation: "add", property: "participants.u1", value: "x" })).to.equal(
      "invalid_property participants.u1",
    );
  });

  it("hold a member after add, whatever they held, and adding again changes nothing", () => {
    fc.assert(
      fc.property(fc.uniqueArray(fc.string({ minLength: 1 })), fc.constantFrom("u1", "a/b", "x"), (members, userId) => {
        const add = { operation: "add", property: "participants", value: userId };
        const once = patch({ participants: members }, add);
        expect(once.participants).to.include(userId);
        expect(patch({ participants: members }, add, add)).to.deep.equal(once);
      }),
    );
  });

  it("are as before after removing and adding one they had, but for the order", () => {
    const given = fc.uniqueArray(fc.constantFrom(...Array.from("abcdefgh")), { minLength: 1 });
    fc.assert(
      fc.property(given, fc.nat(), (members, pick) => {
        const value = members[pick % members.length];
        const changed = patch(
          { participants: members },
          { operation: "remove", property: "participants", value },
          { operation: "add", property: "participants", value },
        );
        expect(changed.participants).to.have.members(members);
      }),
    );
  });
});

describe("objects in a patch", () => {
  it("take a key at any depth, its parents made on the way", () => {
    const changed = patch(conversation(), { operation: "set", property: "metadata.x.y.z", value: "deep" });
    expect(changed.metadata).to.deep.equal({ a: "1", b: { c: "2" }, x: { y: { z: "deep" } } });
  });

  it("lose a key, and do not mind one they do not have", () => {
    const changed = patch(
      conversation(),
      { operation: "delete", property: "metadata.b.c" },
      { operation: "delete", property: "metadata.no.such" },
    );
    expect(changed.metadata).to.deep.equal({ a: "1", b: {} });
  });

  it("are replaced by set and emptied by delete as a whole", () => {
    expect(patch(conversation(), { operation: "set", property: "metadata", value: { n: "1" } }).metadata).to.deep.equal(
      {
        n: "1",
      },
    );
    expect(patch(conversation(), { operation: "delete", property: "metadata" }).metadata).to.deep.equal({});
  });

  it("refuse a bad value under its own path", () => {
    for (const value of [7, true, null, ["x"], { deep: 7 }]) {
      expect(refused({ operation: "set", property: "metadata.k", value })).to.equal("invalid_property metadata.k");
    }
    expect(refused({ operation: "set", property: "metadata", value: "text" })).to.equal("invalid_property metadata");
  });

  it("refuse a path through a scalar, and the operations of sets", () => {
    expect(refused({ operation: "set", property: "metadata.a.b", value: "x" })).to.equal(
      "invalid_property metadata.a.b",
    );
    expect(refused({ operation: "add", property: "metadata.a", value: "x" })).to.equal("invalid_property metadata.a");
    expect(refused({ operation: "set", property: "metadata.a", id: "x" })).to.equal("invalid_property metadata.a");
  });

  const key = fc
    .string({ unit: fc.constantFrom(...Array.from("ab.\\")), minLength: 1, maxLength: 4 })
    .filter((text) => !text.endsWith("\\"));
  const path = fc.array(key, { minLength: 1, maxLength: 4 });

  it("hold what was set where it was set, under keys with any dots in them", () => {
    fc.assert(
      fc.property(path, fc.string(), (keys, value) => {
        const property = formatPatchProperty(["metadata", ...keys]);
        const changed = patch({ metadata: {} }, { operation: "set", property, value });
        const found = keys.reduce<unknown>(
          (parent, name) => (isJsonObject(parent) ? parent[name] : undefined),
          changed.metadata,
        );
        expect(found).to.equal(value);
      }),
    );
  });

  it("no longer hold what was set and deleted", () => {
    fc.assert(
      fc.property(key, fc.string(), (name, value) => {
        const property = formatPatchProperty(["metadata", name]);
        const changed = patch(
          { metadata: {} },
          { operation: "set", property, value },
          { operation: "delete", property },
        );
        expect(changed.metadata).to.deep.equal({});
      }),
    );
  });
});

describe("values in a patch", () => {
  it("are set as a whole", () => {
    expect(patch({ suspended: false }, { operation: "set", property: "suspended", value: true })).to.deep.equal({
      suspended: true,
    });
  });

  it("refuse another type, another operation, and a path below them", () => {
    expect(refused({ operation: "set", property: "suspended", value: "yes" })).to.equal("invalid_property suspended");
    expect(refused({ operation: "delete", property: "suspended" })).to.equal("invalid_property suspended");
    expect(refused({ operation: "set", property: "suspended.x", value: true })).to.equal(
      "invalid_property suspended.x",
    );
  });
});

describe("a patch", () => {
  const operation = fc.oneof(
    fc.record({
      operation: fc.constantFrom("add", "remove", "set", "delete", "move"),
      property: fc.constantFrom(
        "participants",
        "metadata",
        "metadata.a",
        "metadata.a.b",
        "metadata.b.c",
        "distinct",
        "new",
      ),
      value: fc.oneof(fc.string(), fc.constant(7), fc.constant({ k: "v" }), fc.constant(["u1"]), fc.constant(null)),
    }),
  );

  it("is applied wholly or not at all, and never changes the document it was given", () => {
    fc.assert(
      fc.property(fc.array(operation, { maxLength: 6 }), (operations) => {
        const document = conversation();
        try {
          const stepwise = operations.reduce<JsonObject>((current, step) => patch(current, step), conversation());
          expect(patch(document, ...operations)).to.deep.equal(stepwise);
        } catch (error) {
          expect(error).to.be.instanceOf(LayerError);
          expect(() => patch(document, ...operations)).to.throw(LayerError);
        }
        expect(document).to.deep.equal(conversation());
      }),
    );
  });

  it("touches no property but those it may", () => {
    expect(refused({ operation: "set", property: "distinct", value: false })).to.equal("invalid_property distinct");
    expect(refused({ operation: "set", property: "invented", value: "x" })).to.equal("invalid_property invented");
    expect(refused({ operation: "set", property: "toString", value: "x" })).to.equal("invalid_property toString");
  });

  it("never reaches a prototype", () => {
    const attempts = fc.array(fc.constantFrom("__proto__", "constructor", "prototype", "polluted", "metadata"), {
      minLength: 1,
      maxLength: 5,
    });
    fc.assert(
      fc.property(attempts, (keys) => {
        const property = formatPatchProperty(["metadata", ...keys]);
        try {
          patch(conversation(), { operation: "set", property, value: "yes" }, { operation: "delete", property });
        } catch (error) {
          expect(error).to.be.instanceOf(LayerError);
        }
        expect({}).to.not.have.property("polluted");
        expect(Object.getPrototypeOf({})).to.equal(Object.prototype);
      }),
    );
  });

  it("of no operations changes nothing", () => {
    expect(patch(conversation())).to.deep.equal(conversation());
  });
});
