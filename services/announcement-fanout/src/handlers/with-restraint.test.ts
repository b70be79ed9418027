import { setImmediate } from "node:timers/promises";
import { expect } from "chai";
import pLimit from "p-limit";
import { Registry } from "prom-client";
import { fanOutMetrics } from "../metrics.ts";
import { withRestraint } from "./with-restraint.ts";

/** A pace of two steps at a time that writes down what happens, and rests as long as it is told to: not at all here. */
function aPace(restMs: number) {
  const seen: string[] = [];
  const rest = async (ms: number) => {
    seen.push(`rests ${ms}`);
  };
  const metrics = fanOutMetrics(new Registry());
  const restraint = { begin: () => restMs > 0, restMs: () => restMs };
  const pace = withRestraint(pLimit(2), { restraint, metrics, rest });
  const step = async (name: string) => {
    seen.push(`${name} begins`);
    await setImmediate();
    seen.push(`${name} ends`);
    return name;
  };
  const rested = async () => (await metrics.restSeconds.get()).values[0]?.value;
  return { pace, step, seen, rested };
}

const failing = async () => {
  throw new Error("no database");
};

describe("withRestraint", () => {
  it("takes one step at a time while there is restraint, each behind the rest of the one before", async () => {
    const { pace, step, seen, rested } = aPace(40);
    expect(await Promise.all([pace(step, "first"), pace(step, "second")])).to.deep.equal(["first", "second"]);
    const expected = ["first begins", "first ends", "rests 40", "second begins", "second ends", "rests 40"];
    expect(seen).to.deep.equal(expected);
    expect(await rested()).to.be.closeTo(0.08, 1e-9);
  });

  it("takes as many as ever, without a rest, where nobody waits", async () => {
    const { pace, step, seen } = aPace(0);
    await Promise.all([pace(step, "first"), pace(step, "second")]);
    expect(seen).to.deep.equal(["first begins", "second begins", "first ends", "second ends"]);
  });

  it("rests after a step that failed, too, and says how it failed", async () => {
    const { pace, seen } = aPace(40);
    expect(await pace(failing).catch((error: unknown) => error)).to.have.property("message", "no database");
    expect(seen).to.deep.equal(["rests 40"]);
  });
});
