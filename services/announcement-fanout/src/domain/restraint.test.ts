import { expect } from "chai";
import { newRestraint } from "./restraint.ts";

const STEP_MS = 20;

function aProcess() {
  let at = 1_000_000;
  const restraint = newRestraint(1_000, () => at);
  /** How many times as long as it worked it rests behind a step so much later. */
  const rests = (laterMs = 0): number => {
    at += laterMs;
    const isAlone = restraint.begin();
    const times = restraint.restMs(STEP_MS) / STEP_MS;
    // What rests is alone, and the other way round.
    expect(isAlone).to.equal(times > 0);
    return times;
  };
  return { restraint, rests };
}

/** One that has been at work for a while, and nobody waited. */
function aBusyProcess() {
  const one = aProcess();
  one.rests();
  one.rests(600);
  return one;
}

describe("restraint", () => {
  it("begins gently, and works without a rest half a second later", () => {
    const { rests } = aProcess();
    expect(rests()).to.equal(4);
    expect(rests(250)).to.be.closeTo(2, 0.01);
    expect(rests(250)).to.equal(0);
    expect(rests(60)).to.equal(0);
  });

  it("begins gently again when it has done nothing for a while", () => {
    const { rests } = aBusyProcess();
    expect(rests(5_000)).to.equal(0);
    expect(rests(5_001)).to.equal(4);
  });

  it("works a fifth of its time for four seconds once somebody waits, and then more and more", () => {
    const { restraint, rests } = aBusyProcess();
    restraint.giveWay();
    expect(rests()).to.equal(4);
    expect(rests(4_000)).to.equal(4);
    expect(rests(1_000)).to.be.closeTo(3, 0.01);
    expect(rests(1_000)).to.be.closeTo(2, 0.01);
    expect(rests(2_000)).to.equal(0);
  });

  it("gives way anew when it was heard on its way back", () => {
    const { restraint, rests } = aBusyProcess();
    restraint.giveWay();
    expect(rests(6_000)).to.be.closeTo(2, 0.01);
    restraint.giveWay();
    expect(rests()).to.equal(4);
    expect(rests(4_000)).to.equal(4);
  });

  it("gives way from its first step on to who waited before it", () => {
    const { restraint, rests } = aProcess();
    restraint.giveWay();
    expect(rests(3_000)).to.equal(4);
    expect(rests(1_000)).to.equal(4);
  });

  it("never rests for longer than it may, however long a step took", () => {
    const { restraint } = aBusyProcess();
    restraint.giveWay();
    expect(restraint.restMs(10_000)).to.equal(1_000);
  });
});
