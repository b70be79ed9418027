import { expect } from "chai";
import { type BlockedUsers, blockersOf, blocksAfter } from "./blocks.ts";

const list = (...blocked: string[]): BlockedUsers => ({ blocked, reasons: [] });
const block = (userId: string) => ({ kind: "block", userId }) as const;
const unblock = (userId: string) => ({ kind: "unblock", userId }) as const;

describe("blocksAfter", () => {
  it("keeps the order in which users were blocked, each once", () => {
    const after = blocksAfter(list("b", "a"), [block("c"), block("b"), unblock("nobody")]);
    expect(after).to.deep.equal(list("b", "a", "c"));
  });

  it("puts who was unblocked in between behind the others", () => {
    const after = blocksAfter(list("b", "a"), [unblock("b"), block("b")]);
    expect(after).to.deep.equal(list("a", "b"));
  });

  it("is the list that was set, with what comes behind it", () => {
    const after = blocksAfter(list("b"), [block("x"), { kind: "set", userIds: ["d", "c", "d"] }, block("a")]);
    expect(after).to.deep.equal(list("d", "c", "a"));
  });

  it("keeps who is blocked as long as there is a reason, and nobody whom the user herself unblocks", () => {
    const twice = blocksAfter(blocksAfter(list("a"), [block("eve")], "decision-1"), [block("eve")], "decision-2");
    for (const [first, second] of [
      ["decision-1", "decision-2"],
      ["decision-2", "decision-1"],
    ]) {
      const once = blocksAfter(twice, [unblock("eve")], first);
      expect(once.blocked).to.deep.equal(["a", "eve"]);
      expect(blocksAfter(once, [unblock("eve")], second)).to.deep.equal(list("a"));
    }
    expect(blocksAfter(twice, [unblock("eve")])).to.deep.equal(list("a"));
  });

  it("lifts by a decision's reversal neither what the user wants herself, nor what was there before reasons were kept", () => {
    const decided = blocksAfter(list("old"), [block("old"), block("eve"), block("bob")], "decision");
    const wanted = blocksAfter(decided, [block("eve"), { kind: "set", userIds: ["old", "eve"] }, block("bob")]);
    const reversed = blocksAfter(wanted, [unblock("old"), unblock("eve"), unblock("bob")], "decision");
    expect(reversed).to.deep.equal(list("old", "eve", "bob"));
  });
});

describe("blockersOf", () => {
  it("answers each question by itself, in the order asked", () => {
    const blocks = [
      { owner: "ann", blocked: "eve" },
      { owner: "bob", blocked: "eve" },
      { owner: "ann", blocked: "bob" },
    ];
    const checks = [
      { senderId: "bob", userIds: ["eve", "ann"] },
      { senderId: "eve", userIds: ["bob", "cid", "ann"] },
      { senderId: "cid", userIds: ["ann"] },
      { senderId: "eve", userIds: ["ann"] },
    ];
    expect(blockersOf(checks, blocks)).to.deep.equal([["ann"], ["bob", "ann"], [], ["ann"]]);
  });

  it("does not name who blocks herself", () => {
    expect(blockersOf([{ senderId: "ann", userIds: ["ann"] }], [{ owner: "ann", blocked: "ann" }])).to.deep.equal([[]]);
  });
});
