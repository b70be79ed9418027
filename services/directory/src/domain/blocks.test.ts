import { expect } from "chai";
import { blockersOf, blocksAfter } from "./blocks.ts";

describe("blocksAfter", () => {
  it("keeps the order in which users were blocked, each once", () => {
    const after = blocksAfter(
      ["b", "a"],
      [
        { kind: "block", userId: "c" },
        { kind: "block", userId: "b" },
        { kind: "unblock", userId: "nobody" },
      ],
    );
    expect(after).to.deep.equal(["b", "a", "c"]);
  });

  it("puts who was unblocked in between behind the others", () => {
    const after = blocksAfter(
      ["b", "a"],
      [
        { kind: "unblock", userId: "b" },
        { kind: "block", userId: "b" },
      ],
    );
    expect(after).to.deep.equal(["a", "b"]);
  });

  it("is the list that was set, with what comes behind it", () => {
    const after = blocksAfter(
      ["b"],
      [
        { kind: "block", userId: "x" },
        { kind: "set", userIds: ["d", "c", "d"] },
        { kind: "block", userId: "a" },
      ],
    );
    expect(after).to.deep.equal(["d", "c", "a"]);
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
