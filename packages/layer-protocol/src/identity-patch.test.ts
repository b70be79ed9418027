import { expect } from "chai";
import * as fc from "fast-check";
import { refusal } from "../test/refusal.ts";
import {
  applyPatch,
  isJsonObject,
  type JsonObject,
  parseIdentityPatch,
  parsePatch,
  type PatchSchema,
} from "./index.ts";
import type { IdentityChange } from "./index.ts";

const set = (property: string, value: unknown) => ({ operation: "set", property, value });
const many = (count: number) => () => parseIdentityPatch("3.0", Array(count).fill(set("first_name", "x")));
const refused = (operation: unknown, version: "1.0" | "3.0" = "3.0") =>
  refusal(() => parseIdentityPatch(version, [operation]));

describe("a patch of an identity", () => {
  it("sets fields, and empties them with null", () => {
    expect(
      parseIdentityPatch("3.0", [
        set("display_name", "Ann"),
        set("avatar_url", null),
        set("first_name", "A"),
        set("last_name", "B"),
        set("phone_number", "+43 1"),
        set("email_address", "a@x.example"),
        set("public_key", "k"),
      ]),
    ).to.deep.equal([
      { kind: "set-text", field: "displayName", value: "Ann" },
      { kind: "set-text", field: "avatarUrl", value: null },
      { kind: "set-text", field: "firstName", value: "A" },
      { kind: "set-text", field: "lastName", value: "B" },
      { kind: "set-text", field: "phoneNumber", value: "+43 1" },
      { kind: "set-text", field: "emailAddress", value: "a@x.example" },
      { kind: "set-text", field: "publicKey", value: "k" },
    ]);
  });

  it("sets and deletes keys of the metadata, whatever dots they hold, and replaces or empties it as a whole", () => {
    expect(
      parseIdentityPatch("2.0", [
        set("metadata.level", "3"),
        set("metadata.a\\.b", "c"),
        { operation: "delete", property: "metadata.level" },
        set("metadata", { tier: "gold" }),
        set("metadata", null),
      ]),
    ).to.deep.equal([
      { kind: "set-metadata", key: "level", value: "3" },
      { kind: "set-metadata", key: "a.b", value: "c" },
      { kind: "delete-metadata", key: "level" },
      { kind: "replace-metadata", metadata: { tier: "gold" } },
      { kind: "replace-metadata", metadata: {} },
    ]);
  });

  it("says from 2.0 whether it is a bot; 1.x does not know that property", () => {
    expect(parseIdentityPatch("2.0", [set("identity_type", "bot")])).to.deep.equal([
      { kind: "set-type", value: "bot" },
    ]);
    expect(parseIdentityPatch("3.0", [set("identity_type", null)])).to.deep.equal([
      { kind: "set-type", value: "user" },
    ]);
    expect(refused(set("identity_type", "robot"))).to.equal("invalid_property identity_type");
    expect(refused(set("identity_type", "bot"), "1.0")).to.equal("invalid_property identity_type");
  });

  it("may be empty", () => {
    expect(parseIdentityPatch("1.1", [])).to.deep.equal([]);
  });

  for (const property of ["id", "url", "user_id", "unknown", "display_name.first", "metadata.a.b"]) {
    it(`refuses ${property}`, () => {
      expect(refused(set(property, "x"))).to.equal(`invalid_property ${property}`);
    });
  }

  it("holds values against the same limits as a whole identity", () => {
    expect(refused(set("display_name", null))).to.equal("invalid_property display_name");
    expect(refused(set("display_name", "x".repeat(129)))).to.equal("invalid_property display_name");
    expect(refused(set("phone_number", "1".repeat(33)))).to.equal("invalid_property phone_number");
    expect(refused(set("email_address", 7))).to.equal("invalid_property email_address");
    expect(refused(set("metadata", { level: 3 }))).to.equal("invalid_property metadata");
    expect(refused(set("metadata", "gold"))).to.equal("invalid_property metadata");
    for (const value of [3, null, true, {}, []]) {
      expect(refused(set("metadata.level", value))).to.equal("invalid_property metadata.level");
    }
  });

  it("takes no other operation than set, and delete of a key", () => {
    for (const operation of ["add", "remove"]) {
      expect(refused({ operation, property: "first_name", value: "x" })).to.equal("invalid_property first_name");
      expect(refused({ operation, property: "metadata.a", value: "x" })).to.equal("invalid_property metadata.a");
    }
    expect(refused({ operation: "delete", property: "first_name" })).to.equal("invalid_property first_name");
    expect(refused({ operation: "delete", property: "metadata" })).to.equal("invalid_property metadata");
    expect(refused({ operation: "set", property: "first_name", id: "x" })).to.equal("invalid_property first_name");
  });

  it("must be an array, and has at most 1,000 operations", () => {
    expect(refusal(() => parseIdentityPatch("3.0", set("first_name", "x")))).to.equal("invalid_request");
    expect(many(1_000)).to.not.throw();
    expect(refusal(many(1_001))).to.equal("invalid_operation");
  });

  it("means, step by step, what the rules of Layer-Patch make of the identity on the wire", () => {
    const key = fc.constantFrom("a", "b", "c.d");
    const text = fc.string({ maxLength: 8 });
    const property = key.map((name) => `metadata.${name.replaceAll(".", "\\.")}`);
    const operation = fc.oneof(
      fc.tuple(fc.constantFrom("first_name", "avatar_url"), fc.option(text)).map(([name, value]) => set(name, value)),
      fc.tuple(property, text).map(([name, value]) => set(name, value)),
      property.map((name) => ({ operation: "delete", property: name })),
      fc.dictionary(key, text, { noNullPrototype: true }).map((metadata) => set("metadata", metadata)),
    );
    fc.assert(
      fc.property(fc.array(operation, { maxLength: 12 }), (operations) => {
        const byRules = applyPatch(anIdentity(), parsePatch(operations), schema);
        const byChanges = parseIdentityPatch("3.0", operations).reduce(apply, anIdentity());
        expect(byChanges).to.deep.equal(byRules);
      }),
    );
  });
});

const schema: PatchSchema = {
  first_name: { kind: "value", accepts: () => true },
  avatar_url: { kind: "value", accepts: () => true },
  metadata: { kind: "object", accepts: () => true },
};

const anIdentity = (): JsonObject => ({ first_name: "Ann", avatar_url: null, metadata: { a: "1" } });

/** What the directory does with a change, to the identity as it is on the wire. */
function apply(identity: JsonObject, change: IdentityChange): JsonObject {
  const metadata = isJsonObject(identity.metadata) ? identity.metadata : {};
  switch (change.kind) {
    case "set-text":
      return { ...identity, [change.field === "firstName" ? "first_name" : "avatar_url"]: change.value };
    case "set-metadata":
      return { ...identity, metadata: { ...metadata, [change.key]: change.value } };
    case "delete-metadata":
      return { ...identity, metadata: Object.fromEntries(Object.entries(metadata).filter(([k]) => k !== change.key)) };
    case "replace-metadata":
      return { ...identity, metadata: change.metadata };
    default:
      return { ...identity, identity_type: change.value };
  }
}
