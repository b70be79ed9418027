import { expect } from "chai";
import { refusal } from "../test/refusal.ts";
import { parseBatchSchedule, parseSchedule } from "./schedules.ts";

const alone = (schedule: unknown) => parseSchedule(schedule, { inBatch: false });

describe("the schedule of a message", () => {
  it("is in seconds, fractions included, with typing at its end", () => {
    expect(alone({ delay_in_seconds: 1 })).to.deep.equal({ delayMs: 1_000, typingMs: 0 });
    expect(alone({ delay_in_seconds: 2.5, typing_indicator_in_seconds: 1.25 })).to.deep.equal({
      delayMs: 2_500,
      typingMs: 1_250,
    });
    expect(alone({ delay_in_seconds: 300, typing_indicator_in_seconds: 300 })).to.deep.equal({
      delayMs: 300_000,
      typingMs: 300_000,
    });
  });

  it("is absent where it is not given", () => {
    for (const schedule of [undefined, null]) {
      expect(alone(schedule)).to.equal(null);
      expect(parseBatchSchedule(schedule)).to.deep.equal({ delayMs: 0, typingMs: 0 });
    }
  });

  it("has no least delay in a batch", () => {
    expect(parseBatchSchedule({ delay_in_seconds: 0 })).to.deep.equal({ delayMs: 0, typingMs: 0 });
    expect(parseBatchSchedule({ delay_in_seconds: 0.5, typing_indicator_in_seconds: 0.5 })).to.deep.equal({
      delayMs: 500,
      typingMs: 500,
    });
  });

  it("is refused out of range", () => {
    for (const delay of [0.9, 300.1, "5", -1, null]) {
      const schedule = { delay_in_seconds: delay };
      expect(refusal(() => alone(schedule))).to.equal("invalid_property schedule.delay_in_seconds");
    }
    for (const typing of [0.5, 5.1, "2"]) {
      const schedule = { delay_in_seconds: 5, typing_indicator_in_seconds: typing };
      expect(refusal(() => alone(schedule))).to.equal("invalid_property schedule.typing_indicator_in_seconds");
    }
    expect(refusal(() => alone(5))).to.equal("invalid_property schedule");
    expect(refusal(() => parseBatchSchedule({ delay_in_seconds: 301 }))).to.equal(
      "invalid_property schedule.delay_in_seconds",
    );
  });
});
