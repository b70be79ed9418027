import { eventually } from "@strata/testing";
import { expect } from "chai";
import type { Seen } from "../domain/credential-health.ts";
import { LaneState, retryAfterMs } from "./lane-state.ts";
import type { PushResult } from "./push-provider.ts";

describe("the state of a credential's lane", () => {
  let now: number;
  let lane: LaneState;
  beforeEach(() => {
    now = 1_000_000;
    lane = new LaneState({ now: () => now, random: () => 0.5 });
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
});

describe("the breaker of a credential's lane", () => {
  const accepted: PushResult = { kind: "accepted", providerId: "1" };
  const refused: PushResult = { kind: "credential-refused", reason: "BadTopic" };
  const unreachable: PushResult = {
    kind: "unavailable",
    reason: "ECONNREFUSED",
    retryAfterMs: 50,
    scope: "lane",
    mayHaveArrived: false,
  };
  const failed: PushResult = { ...unreachable, reason: "INTERNAL", scope: "push" };
  let seen: Seen[];
  let asked: number;
  let aheadMs: number;
  let lane: LaneState;
  beforeEach(() => {
    seen = [];
    asked = 0;
    aheadMs = 0;
    // The back-off is half a second, then a second: longer than a test's moment, shorter than its patience.
    lane = new LaneState({ now: () => Date.now() + aheadMs, random: () => 0, onChange: (one) => void seen.push(one) });
  });

  const send = (result: PushResult, refusedForMs = 50) =>
    lane.run(async () => {
      asked += 1;
      if (result.kind === "credential-refused") lane.refuse(refusedForMs);
      if (result === failed) lane.failed();
      if (result === accepted) lane.succeeded();
      return result;
    });
  const untilOpen = () => eventually(() => lane.blocked(), null);

  it("answers for a refused credential without asking, for the time it was given", async () => {
    await send(accepted);
    await send(refused, 60_000);
    expect(await send(accepted)).to.deep.equal(refused);
    expect(lane.blocked()).to.deep.equal(refused);
    expect(asked).to.equal(2);
  });

  it("asks with one push once that time is over; while it is refused again the others are not sent", async () => {
    await send(refused);
    await untilOpen();
    const results = await Promise.all(Array.from({ length: 100 }, () => send(refused, 60_000)));
    expect(asked).to.equal(2);
    expect(new Set(results.map(({ kind }) => kind))).to.deep.equal(new Set(["credential-refused"]));
  });

  it("lets all go on behind the one that got through", async () => {
    await send(refused);
    await untilOpen();
    const first = Promise.withResolvers<PushResult>();
    const order: number[] = [];
    const sends = Array.from({ length: 10 }, (_, index) =>
      lane.run(() => {
        order.push(index);
        return index === 0 ? first.promise : Promise.resolve(accepted);
      }),
    );
    await eventually(() => order, [0]);
    first.resolve(accepted);
    expect((await Promise.all(sends)).map(({ kind }) => kind)).to.deep.equal(Array.from(sends, () => "accepted"));
    expect(order).to.deep.equal([0, 1, 2, 3, 4, 5, 6, 7, 8, 9]);
  });

  it("closes at once when the provider cannot be reached, and says how long", async () => {
    await send({ ...unreachable, retryAfterMs: 60_000 });
    expect(await send(accepted)).to.deep.include({ kind: "unavailable", reason: "ECONNREFUSED", scope: "lane" });
    expect(lane.blocked()).to.have.property("retryAfterMs").that.is.within(59_000, 60_000);
    expect(asked).to.equal(1);
  });

  it("bears failures of single pushes, however many at once, and closes when nothing else comes back for long", async () => {
    const aMomentOfFailures = async () => {
      for (let push = 0; push < 500; push += 1) expect(await send(failed)).to.equal(failed);
      aheadMs += 1_000;
    };
    await aMomentOfFailures();
    await aMomentOfFailures();
    expect(await send(accepted)).to.equal(accepted);
    await aMomentOfFailures();
    await aMomentOfFailures();
    expect(await send(failed)).to.equal(failed);
    expect(await send(accepted)).to.include({ kind: "unavailable", scope: "lane", reason: "INTERNAL" });
    expect(asked).to.equal(2_002);
  });

  it("leaves a time that the provider set to itself: it is no failure, and nothing is tried before", async () => {
    const paused = await lane.run(async () => ({
      ...unreachable,
      reason: "QUOTA_EXCEEDED",
      retryAfterMs: lane.pause("QUOTA_EXCEEDED", 60_000, true),
    }));
    expect(paused).to.include({ reason: "QUOTA_EXCEEDED" });
    expect(await send(accepted)).to.include({ kind: "unavailable", reason: "QUOTA_EXCEEDED" });
    expect(asked).to.equal(0);
    expect(seen.map(({ state }) => state)).to.deep.equal(["paused"]);
  });

  it("does not take a pause for the answer that it waits for", async () => {
    await send(refused);
    await untilOpen();
    lane.pause("QUOTA_EXCEEDED", 50, false);
    expect(await send(accepted)).to.include({ reason: "QUOTA_EXCEEDED" });
    await untilOpen();
    await Promise.all(Array.from({ length: 100 }, () => send(refused, 60_000)));
    expect(asked).to.equal(2);
  });

  it("tells of each change once, and of no single push", async () => {
    for (let push = 0; push < 10; push += 1) await send(accepted);
    await Promise.all(Array.from({ length: 10 }, () => send(refused)));
    await untilOpen();
    for (let push = 0; push < 10; push += 1) await send(accepted);
    expect(seen.map(({ state, reason }) => [state, reason])).to.deep.equal([
      ["ok", null],
      ["refused", "BadTopic"],
      ["ok", null],
    ]);
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
