import { userIds } from "@strata/testing";
import { expect } from "chai";
import { questionsOf } from "./blockers.ts";

const checkOf = (senderId: string, count: number) => ({ senderId, userIds: userIds(count) });

const sendersIn = (...counts: readonly number[]) =>
  questionsOf(
    counts.map((count, n) => checkOf(`s${n}`, count)),
    10,
  ).map((question) => question.map(({ senderId }) => senderId));

describe("questions about blockers", () => {
  it("are few, of bounded size, and in the order of the checks", () => {
    expect(sendersIn()).to.deep.equal([]);
    expect(sendersIn(1, 2, 3)).to.deep.equal([["s0", "s1", "s2"]]);
    expect(sendersIn(5, 5, 1, 9, 1)).to.deep.equal([["s0", "s1"], ["s2", "s3"], ["s4"]]);
  });

  it("hold one check at least, however large it is", () => {
    expect(sendersIn(50, 50)).to.deep.equal([["s0"], ["s1"]]);
  });
});
