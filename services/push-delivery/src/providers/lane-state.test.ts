import { expect } from "chai";
import { LaneState, retryAfterMs } from "./lane-state.ts";

describe("the state of a credential's lane", () => {
  let now: number;
  let lane: LaneState;
  beforeEach(() => {
    now = 1_000_000;
    lane = new LaneState(
      () => now,
      () => 0.5,
    );
  });

  it("is open until the provider says otherwise, and again when the time it set has passed", () => {
    expect(lane.blocked()).to.equal(null);
    lane.pause("QUOTA_EXCEEDED", 5_000, true);
    now += 4_999;
    expect(lane.blocked()).to.deep.include({ kind: "unavailable", scope: "lane", retryAfterMs: 1 });
    now += 1;
    expect(lane.blocked()).to.equal(null);
  });

  it("waits a minute when the provider set no time, and never shortens a longer wait", () => {
    expect(lane.pause("QUOTA_EXCEEDED", null, true)).to.equal(60_000);
    expect(lane.pause("UNAVAILABLE", 1_000, false)).to.equal(60_000);
    expect(lane.blocked()).to.include({ reason: "QUOTA_EXCEEDED" });
  });

  it("uses a tenth of the streams after a 429 and all of them a minute later", () => {
    lane.pause("QUOTA_EXCEEDED", 0, true);
    expect(lane.paced(400)).to.equal(40);
    now += 30_000;
    expect(lane.paced(400)).to.equal(220);
    now += 30_000;
    expect(lane.paced(400)).to.equal(400);
    expect(lane.paced(1)).to.equal(1);
  });

  it("backs off twice as long with each failure in a row, up to a minute, and starts anew after a success", () => {
    const waits = Array.from({ length: 8 }, () => {
      now += 1_000;
      lane.failed();
      return lane.backOffMs();
    });
    expect(waits).to.deep.equal([1_500, 3_000, 6_000, 12_000, 24_000, 45_000, 45_000, 45_000]);
    lane.succeeded();
    expect(lane.backOffMs()).to.equal(750);
  });

  it("takes a thousand failures of one moment for one", () => {
    for (let push = 0; push < 1_000; push += 1) lane.failed();
    expect(lane.backOffMs()).to.equal(1_500);
  });

  it("keeps a refused credential closed for the time it was given", () => {
    lane.refuse("BadTopic", 60_000);
    expect(lane.blocked()).to.deep.equal({ kind: "credential-refused", reason: "BadTopic" });
    now += 60_000;
    expect(lane.blocked()).to.equal(null);
  });

  it("believes token faults among many good tokens, and not when they become many themselves", () => {
    const believed: boolean[] = [];
    for (let index = 0; index < 200; index += 1) {
      if (index % 10 === 0) believed.push(lane.isTokenFaultCredible());
      else lane.tokenAccepted();
    }
    expect(believed).to.not.include(false);
    const verdicts = Array.from({ length: 100 }, () => lane.isTokenFaultCredible());
    expect(verdicts[0]).to.equal(true);
    expect(verdicts.at(-1)).to.equal(false);
  });
});

describe("Retry-After", () => {
  it("is seconds or a date, never negative, and null when there is nothing to obey", () => {
    const now = Date.parse("2026-11-23T10:00:00Z");
    expect(retryAfterMs("120", now)).to.equal(120_000);
    expect(retryAfterMs("Mon, 23 Nov 2026 10:00:30 GMT", now)).to.equal(30_000);
    expect(retryAfterMs("Mon, 23 Nov 2026 09:00:00 GMT", now)).to.equal(0);
    for (const value of [undefined, "", "soon", ["1"]]) expect(retryAfterMs(value, now)).to.equal(null);
  });
});
