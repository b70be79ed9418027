import { expect } from "chai";
import { acquaintancesOf, followingKey, inPieces } from "./following.ts";

const pairs = (newcomers: string[], participants: string[]) =>
  [...acquaintancesOf({ newcomers, participants })].map(({ user, followed }) => `${user}>${followed}`);

describe("acquaintancesOf", () => {
  it("names every pair of a new conversation both ways and once", () => {
    const all = ["a", "b", "c"];
    expect(pairs(all, all)).to.have.members(["a>b", "b>a", "a>c", "c>a", "b>c", "c>b"]);
    expect(pairs(all, all)).to.have.lengthOf(6);
  });

  it("leaves out those who were together before", () => {
    expect(pairs(["c"], ["a", "b", "c"])).to.have.members(["c>a", "a>c", "c>b", "b>c"]);
  });

  it("names nobody with herself, also where somebody is named twice", () => {
    expect(pairs(["a", "a"], ["a", "a"])).to.deep.equal([]);
  });
});

describe("followingKey", () => {
  it("is another for each pair, also where ids hold slashes and percent signs", () => {
    const ids = ["a", "a/b", "b", "b/c", "c", "a%2Fb"];
    const keys = ids.flatMap((user) => ids.map((followed) => followingKey("app", { user, followed })));
    expect(new Set(keys).size).to.equal(ids.length ** 2);
  });
});

describe("inPieces", () => {
  it("cuts into full pieces and a last one", () => {
    expect([...inPieces([1, 2, 3, 4, 5], 2)]).to.deep.equal([[1, 2], [3, 4], [5]]);
    expect([...inPieces([1, 2], 2)]).to.deep.equal([[1, 2]]);
    expect([...inPieces([], 2)]).to.deep.equal([]);
  });
});
