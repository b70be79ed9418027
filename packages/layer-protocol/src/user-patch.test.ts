import { expect } from "chai";
import * as fc from "fast-check";
import { refusal } from "../test/refusal.ts";
import { applyPatch, parseBlock, parsePatch, parseUserPatch, type PatchSchema } from "./index.ts";

const blocksOf = (version: "1.0" | "1.1" | "2.0" | "3.0", ...operations: unknown[]) =>
  parseUserPatch(version, operations).blocks;
const refused = (version: "1.0" | "3.0", operation: unknown) => refusal(() => parseUserPatch(version, [operation]));

const add = (operand: object) => ({ operation: "add", property: "blocks", ...operand });
const remove = (operand: object) => ({ operation: "remove", property: "blocks", ...operand });
const set = (value: unknown, property = "blocks") => ({ operation: "set", property, value });

describe("a patch of a user's blocks", () => {
  it("names users by their ids in 1.x", () => {
    expect(blocksOf("1.0", add({ value: "b" }), remove({ value: "c" }), set(["b", "d"]))).to.deep.equal([
      { kind: "block", userId: "b" },
      { kind: "unblock", userId: "c" },
      { kind: "set", userIds: ["b", "d"] },
    ]);
    expect(blocksOf("1.1", add({ id: "b" }))).to.deep.equal([{ kind: "block", userId: "b" }]);
  });

  it("names identities from 2.0, by id or by value, and still takes a bare user id", () => {
    expect(
      blocksOf(
        "3.0",
        add({ id: "layer:///identities/a%2Fb" }),
        remove({ value: "layer:///identities/c" }),
        add({ id: "d", value: { user_id: "d" } }),
      ),
    ).to.deep.equal([
      { kind: "block", userId: "a/b" },
      { kind: "unblock", userId: "c" },
      { kind: "block", userId: "d" },
    ]);
  });

  it("may from 2.0 only be set to an empty list", () => {
    expect(blocksOf("2.0", set([]))).to.deep.equal([{ kind: "set", userIds: [] }]);
    expect(refused("3.0", set(["layer:///identities/b"]))).to.equal("invalid_property blocks");
  });

  it("refuses an operand that names nobody, and any other operation", () => {
    expect(refused("1.0", add({ value: 7 }))).to.equal("invalid_property value");
    expect(refused("1.0", add({ value: "" }))).to.equal("invalid_property value");
    expect(refused("3.0", add({ id: "layer:///identities/%E0%A4%A" }))).to.equal("invalid_property id");
    expect(refused("1.0", set(["b", 7]))).to.equal("invalid_property value");
    expect(refused("1.0", set("b"))).to.equal("invalid_property value");
    expect(refused("1.0", { operation: "delete", property: "blocks" })).to.equal("invalid_property blocks");
    expect(refused("1.0", set([], "blocks.b"))).to.equal("invalid_property blocks.b");
    expect(refused("1.0", set("x", "display_name"))).to.equal("invalid_property display_name");
    expect(refusal(() => parseUserPatch("1.0", {}))).to.equal("invalid_request");
  });

  it("means what the rules of Layer-Patch make of a set", () => {
    const user = fc.constantFrom("a", "b", "c", "d/e");
    const operation = fc.oneof(
      user.map((value) => add({ value })),
      user.map((value) => remove({ value })),
      fc.array(user, { maxLength: 4 }).map((value) => set(value)),
    );
    const schema: PatchSchema = { blocks: { kind: "set", member: (operand) => String(operand) } };
    fc.assert(
      fc.property(fc.array(operation, { maxLength: 12 }), (operations) => {
        let blocked = new Set(["a"]);
        for (const change of blocksOf("1.0", ...operations)) {
          if (change.kind === "set") blocked = new Set(change.userIds);
          else if (change.kind === "block") blocked.add(change.userId);
          else blocked.delete(change.userId);
        }
        expect([...blocked]).to.deep.equal(applyPatch({ blocks: ["a"] }, parsePatch(operations), schema).blocks);
      }),
    );
  });
});

describe("a patch of a user's suspension", () => {
  it("is true or false, and the last word counts", () => {
    expect(parseUserPatch("3.0", [set(true, "suspended")])).to.deep.equal({ blocks: [], isSuspended: true });
    expect(parseUserPatch("1.0", [set(true, "suspended"), set(false, "suspended")]).isSuspended).to.equal(false);
    expect(parseUserPatch("1.0", []).isSuspended).to.equal(null);
  });

  it("is nothing else", () => {
    for (const value of ["true", 1, null, []]) {
      expect(refused("3.0", set(value, "suspended"))).to.equal("invalid_property suspended");
    }
    expect(refused("3.0", { operation: "add", property: "suspended", value: true })).to.equal(
      "invalid_property suspended",
    );
  });

  it("has no place where only the blocks are patched", () => {
    expect(refusal(() => parseUserPatch("3.0", [set(true, "suspended")], ["blocks"]))).to.equal(
      "invalid_property suspended",
    );
  });
});

describe("the body of a block", () => {
  it("names one user", () => {
    expect(parseBlock({ user_id: "b" })).to.equal("b");
    expect(refusal(() => parseBlock({}))).to.equal("missing_property user_id");
    expect(refusal(() => parseBlock({ user_id: 7 }))).to.equal("invalid_property user_id");
    expect(refusal(() => parseBlock({ user_id: "u".repeat(129) }))).to.equal("invalid_property user_id");
    expect(refusal(() => parseBlock([]))).to.equal("invalid_request");
  });
});
