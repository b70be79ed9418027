import { expect } from "chai";
import * as fc from "fast-check";
import { isTimeZone, momentOf, settlesAt } from "./local-time.ts";

const at = (localTime: string, timeZone: string): string => new Date(momentOf(localTime, timeZone)).toISOString();

describe("the moment of a local time", () => {
  it("is that of the zone's clocks on that day", () => {
    expect(at("2026-12-01T09:00:00", "Europe/Berlin")).to.equal("2026-12-01T08:00:00.000Z");
    expect(at("2026-07-01T09:00:00", "Europe/Berlin")).to.equal("2026-07-01T07:00:00.000Z");
    expect(at("2026-12-01T09:00:00", "Asia/Kathmandu")).to.equal("2026-12-01T03:15:00.000Z");
    expect(at("2026-12-01T00:30:00", "Pacific/Kiritimati")).to.equal("2026-11-30T10:30:00.000Z");
    expect(at("2026-12-01T23:30:00", "Etc/GMT+12")).to.equal("2026-12-02T11:30:00.000Z");
  });

  it("is as much later as clocks are put forward, where they leave it out", () => {
    expect(at("2026-03-29T02:30:00", "Europe/Berlin")).to.equal("2026-03-29T01:30:00.000Z");
    expect(at("2026-03-29T01:59:59", "Europe/Berlin")).to.equal("2026-03-29T00:59:59.000Z");
    expect(at("2026-03-29T03:00:00", "Europe/Berlin")).to.equal("2026-03-29T01:00:00.000Z");
    expect(at("2026-10-04T02:15:00", "Australia/Lord_Howe")).to.equal("2026-10-03T15:45:00.000Z");
  });

  it("is the first of both, where they show it twice", () => {
    expect(at("2026-10-25T02:30:00", "Europe/Berlin")).to.equal("2026-10-25T00:30:00.000Z");
    expect(at("2026-10-25T03:00:00", "Europe/Berlin")).to.equal("2026-10-25T02:00:00.000Z");
    expect(at("2026-11-01T01:30:00", "America/New_York")).to.equal("2026-11-01T05:30:00.000Z");
  });

  it("is shown by the zone's clock at that moment and not before, wherever clocks do not leave it out", () => {
    const zones = Intl.supportedValuesOf("timeZone");
    const minutes = fc.integer({ min: Date.UTC(2024, 0) / 60_000, max: Date.UTC(2030, 0) / 60_000 });
    fc.assert(
      fc.property(fc.constantFrom(...zones), minutes, (timeZone, minute) => {
        const localTime = new Date(minute * 60_000).toISOString().slice(0, 19);
        const moment = momentOf(localTime, timeZone);
        // The Swedish way to write a time is ISO 8601's.
        const clock = new Intl.DateTimeFormat("sv-SE", { timeZone, dateStyle: "short", timeStyle: "medium" });
        const shown = clock.format(moment).replace(" ", "T");
        if (shown !== localTime) {
          expect(Date.parse(`${shown}Z`) - minute * 60_000, timeZone).to.be.within(1, 3_600_000);
          return;
        }
        for (const earlier of [1_800_000, 3_600_000])
          expect(clock.format(moment - earlier)).to.not.equal(clock.format(moment));
        expect(settlesAt(localTime)).to.be.lessThan(moment);
      }),
      { numRuns: 300 },
    );
  });

  it("is settled a quarter of an hour before anybody on earth has it", () => {
    const first = momentOf("2026-12-01T09:00:00", "Pacific/Kiritimati");
    expect(settlesAt("2026-12-01T09:00:00")).to.equal(first - 900_000);
  });

  it("knows what is no time zone", () => {
    expect(["Europe/Berlin", "UTC", "", "Middle/Earth"].map(isTimeZone)).to.deep.equal([true, true, false, false]);
  });
});
