import { expect } from "chai";
import { bodyBudget, type BodyOwner } from "./body-budget.ts";

const APP: BodyOwner = { key: "shop", share: 1 / 4 };
const OTHER: BodyOwner = { key: "bank", share: 1 / 4 };

describe("bodyBudget", () => {
  it("holds no more of one owner than its share, whatever the number of bodies, and leaves the rest to others", () => {
    const budget = bodyBudget(1_000);
    const held = Array.from({ length: 5 }, () => budget.open([APP]));
    expect(held.map((one) => one.take(50))).to.deep.equal([true, true, true, true, true]);
    expect(budget.open([APP]).take(1)).to.equal(false);
    expect(budget.open([OTHER]).take(250)).to.equal(true);
    held[0]?.close();
    expect(budget.open([APP]).take(50)).to.equal(true);
  });

  it("holds no more of all owners together than it has", () => {
    const budget = bodyBudget(1_000);
    for (const key of ["a", "b", "c", "d"]) expect(budget.open([{ key, share: 1 / 4 }]).take(250)).to.equal(true);
    expect(budget.open([{ key: "e", share: 1 / 4 }]).take(1)).to.equal(false);
  });

  it("counts a body with each of its owners, and takes nothing where one of them has had its share", () => {
    const budget = bodyBudget(1_000);
    const ann = budget.open([APP, { key: "shop/ann", share: 1 / 10 }]);
    expect([ann.take(100), ann.take(1)]).to.deep.equal([true, false]);
    const bob = budget.open([APP, { key: "shop/bob", share: 1 / 4 }]);
    expect([bob.take(151), bob.take(150)]).to.deep.equal([false, true]);
    ann.giveBack(60);
    expect([bob.take(61), bob.take(60)]).to.deep.equal([false, true]);
  });

  it("has room for one body as long as its route takes, however small the share", () => {
    const budget = bodyBudget(1_000);
    expect(budget.open([APP], 900).take(900)).to.equal(true);
    expect(budget.open([APP], 900).take(1)).to.equal(false);
  });

  it("keeps nothing of an account that was closed, and closes it once", () => {
    const budget = bodyBudget(100);
    const one = budget.open([{ key: "shop", share: 1 }]);
    one.take(60);
    one.close();
    one.close();
    const next = budget.open([{ key: "shop", share: 1 }]);
    expect([next.take(100), next.take(1)]).to.deep.equal([true, false]);
  });
});
