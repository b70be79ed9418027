import { AssertionError } from "node:assert";
import { expect } from "chai";
import { eventually } from "./eventually.ts";

const failureOf = async (work: Promise<unknown>): Promise<AssertionError> => {
  try {
    await work;
  } catch (error) {
    if (error instanceof AssertionError) return error;
    throw error;
  }
  throw new Error("it did not fail");
};

describe("eventually", () => {
  it("returns the answer as soon as it deeply equals what is expected", async () => {
    let asked = 0;
    const answer = await eventually(() => ({ asked: (asked += 1) }), { asked: 3 }, { everyMs: 1 });
    expect(answer).to.deep.equal({ asked: 3 });
    expect(asked).to.equal(3);
  });

  it("returns the answer that satisfies a condition", async () => {
    let asked = 0;
    expect(
      await eventually(
        () => (asked += 1),
        (value) => value > 1,
        { everyMs: 1 },
      ),
    ).to.equal(2);
  });

  it("asks again when the probe throws", async () => {
    let asked = 0;
    const probe = (): string => {
      asked += 1;
      if (asked < 3) throw new Error("not yet");
      return "there";
    };
    await eventually(probe, "there", { everyMs: 1 });
    expect(asked).to.equal(3);
  });

  it("shows what was expected and the last answer when the deadline passes", async () => {
    const failure = await failureOf(eventually(() => ({ depth: 7 }), { depth: 0 }, { deadlineMs: 30, everyMs: 5 }));
    expect(failure.message).to.equal("expected { depth: 0 } within 30 ms, but the last value was { depth: 7 }");
    expect(failure.actual).to.deep.equal({ depth: 7 });
    expect(failure.stack).to.include("eventually.test.ts");
  });

  it("shows the last error of a probe that never answered", async () => {
    const refused = new Error("connection refused");
    const failure = await failureOf(
      eventually(() => Promise.reject<number>(refused), 1, { deadlineMs: 30, everyMs: 5 }),
    );
    expect(failure.message).to.include("the probe failed: Error: connection refused");
  });

  it("ends at the deadline although the probe hangs", async () => {
    const failure = await failureOf(eventually(() => new Promise<number>(() => {}), 1, { deadlineMs: 30 }));
    expect(failure.message).to.include("the probe did not answer");
  });
});
