import { expect } from "chai";
import { refusal } from "../test/refusal.ts";
import { parseAnnouncementTerms } from "./index.ts";

const NOW = Date.parse("2026-11-26T12:00:00Z");
const parse = (fields: Record<string, unknown>) => parseAnnouncementTerms(fields, NOW);
const refused = (fields: Record<string, unknown>) => refusal(() => parse(fields));

describe("the terms of an announcement", () => {
  it("are none where none are asked for, or the usual ones", () => {
    expect(parse({})).to.deep.equal({});
    expect(parse({ schedule: null, expires_at: null, silent: false, priority: "normal" })).to.deep.equal({});
  });

  it("are a start, an end, a throttle, silence, a priority and a category", () => {
    expect(
      parse({
        schedule: { at: "2026-12-01T09:00:00+01:00" },
        expires_at: "2026-12-02T00:00:00Z",
        throttle: { per_minute: 500 },
        silent: true,
        priority: "urgent",
        category: "offers",
      }),
    ).to.deep.equal({
      schedule: { at: Date.parse("2026-12-01T08:00:00Z") },
      expiresAt: Date.parse("2026-12-02T00:00:00Z"),
      throttlePerMinute: 500,
      isSilent: true,
      priority: "urgent",
      category: "offers",
    });
  });

  it("are a start by each recipient's own clock, with a time zone for who has none", () => {
    const schedule = { local_time: "2026-12-01T09:00", fallback_time_zone: "europe/berlin" };
    expect(parse({ schedule })).to.deep.equal({
      schedule: { localTime: "2026-12-01T09:00:00", fallbackTimeZone: "Europe/Berlin" },
    });
    const time = "invalid_property schedule.local_time";
    const zone = "schedule.fallback_time_zone";
    const wrong: readonly [Record<string, unknown>, string][] = [
      [{ at: "2026-12-01T09:00:00Z" }, "invalid_property schedule"],
      [{ local_time: "2026-12-01T09:00:00Z" }, time],
      [{ local_time: "2026-12-01T09:00:00+01:00" }, time],
      [{ local_time: "2026-02-30T09:00:00" }, time],
      [{ local_time: "2036-12-01T09:00:00" }, time],
      [{ local_time: "09:00" }, time],
      [{ fallback_time_zone: undefined }, `missing_property ${zone}`],
      [{ fallback_time_zone: "Middle/Earth" }, `invalid_property ${zone}`],
      [{ fallback_time_zone: 5 }, `invalid_property ${zone}`],
    ];
    for (const [fields, expected] of wrong) {
      expect(refused({ schedule: { ...schedule, ...fields } }), JSON.stringify(fields)).to.equal(expected);
    }
    const newcomers = { audience: { everyone: true }, include_new_users_until: "2026-12-26T12:00:00Z" };
    expect(refused({ schedule, ...newcomers })).to.equal("invalid_property include_new_users_until");
    expect(refused({ schedule, expires_at: "2026-11-30T19:00:00Z" })).to.equal("invalid_property expires_at");
    expect(parse({ schedule, expires_at: "2026-11-30T19:00:01Z" })).to.have.property("expiresAt");
  });

  it("let newcomers into an audience for a while", () => {
    const audience = { everyone: true };
    const until = "2026-12-26T12:00:00Z";
    expect(parse({ audience, include_new_users_until: until, expires_at: "2026-12-26T12:00:01Z" })).to.include({
      includeNewUsersUntil: Date.parse(until),
    });
    const property = "invalid_property include_new_users_until";
    expect(refused({ recipients: ["ann"], include_new_users_until: until })).to.equal(property);
    expect(refused({ audience, include_new_users_until: until, expires_at: until })).to.equal(property);
    for (const wrong of ["soon", 5, "2026-11-26T12:00:00Z", "2027-02-24T12:00:01Z"]) {
      expect(refused({ audience, include_new_users_until: wrong }), String(wrong)).to.equal(property);
    }
    expect(parse({ audience, include_new_users_until: "2027-02-24T12:00:00Z" })).to.have.property(
      "includeNewUsersUntil",
    );
  });

  it("take a start that is over: the request may be a repeat", () => {
    const { schedule } = parse({ schedule: { at: "2026-11-26T11:00:00Z" } });
    expect(schedule).to.have.property("at").that.is.lessThan(NOW);
  });

  it("are refused with what is wrong named", () => {
    const wrong: readonly [Record<string, unknown>, string][] = [
      [{ schedule: "tomorrow" }, "invalid_property schedule"],
      [{ schedule: {} }, "missing_property schedule.at"],
      [{ schedule: { at: "2026-12-01" } }, "invalid_property schedule.at"],
      [{ schedule: { at: "2026-12-01T09:00:00" } }, "invalid_property schedule.at"],
      [{ schedule: { at: "2036-12-01T09:00:00Z" } }, "invalid_property schedule.at"],
      [{ expires_at: "2026-11-26T11:59:59Z" }, "invalid_property expires_at"],
      [{ schedule: { at: "2026-12-01T09:00:00Z" }, expires_at: "2026-12-01T09:00:00Z" }, "invalid_property expires_at"],
      [{ throttle: 5 }, "invalid_property throttle"],
      [{ throttle: {} }, "missing_property throttle.per_minute"],
      [{ throttle: { per_minute: 0 } }, "invalid_property throttle.per_minute"],
      [{ throttle: { per_minute: 1.5 } }, "invalid_property throttle.per_minute"],
      [{ silent: "yes" }, "invalid_property silent"],
      [{ priority: "high" }, "invalid_property priority"],
      [{ category: "" }, "invalid_property category"],
      [{ category: "c".repeat(65) }, "invalid_property category"],
    ];
    for (const [fields, expected] of wrong) expect(refused(fields), JSON.stringify(fields)).to.equal(expected);
  });
});
