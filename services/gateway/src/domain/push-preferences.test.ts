import { DEFAULT_PUSH_POLICY, NO_PREFERENCES, type PushPolicy } from "@strata/contracts";
import { LayerError } from "@strata/layer-protocol";
import { expect } from "chai";
import * as fc from "fast-check";
import { parsePreferenceChanges, pushPreferencesView } from "./push-preferences.ts";

const policy: PushPolicy = {
  ...DEFAULT_PUSH_POLICY,
  quietHours: { from: "22:00", to: "08:00" },
  categories: { security: { choice: "always" }, offers: { choice: "off" }, news: {} },
};

const wrong = (body: unknown): string => {
  try {
    parsePreferenceChanges(body, policy);
    return "taken";
  } catch (error) {
    if (!(error instanceof LayerError)) throw error;
    const { id, data } = error;
    return `${id} ${String(Object(data)["property"] ?? "")}`.trimEnd();
  }
};

/** What it comes to that she said this. */
const of = (categories: Record<string, boolean>) =>
  pushPreferencesView({ ...NO_PREFERENCES, categories }, policy).effective.categories;

describe("a user's push preferences on the wire", () => {
  it("are the same again when what is shown of them is set", () => {
    const preferences = fc.record({
      categories: fc.dictionary(fc.constantFrom("offers", "news", "a.b", "$x"), fc.boolean(), {
        noNullPrototype: true,
      }),
      quietHours: fc.constantFrom(null, { from: "23:15", to: "06:00" }),
      timeZone: fc.constantFrom(null, "Asia/Kathmandu"),
      mutedUntil: fc.option(fc.integer({ min: 0, max: 4_102_444_800_000 }), { nil: null }),
    });
    fc.assert(
      fc.property(preferences, (wanted) => {
        const { effective, ...shown } = pushPreferencesView(wanted, policy);
        expect(Object.keys(effective.categories)).to.include.members(Object.keys(wanted.categories));
        expect(parsePreferenceChanges(shown, policy)).to.deep.equal(wanted);
      }),
    );
  });

  it("come to what the policy says, unless she said something and had a choice", () => {
    const unnamed = { announcements: true, messages: true, notifications: true };
    expect(of({})).to.deep.equal({ ...unnamed, security: true, offers: false, news: true });
    expect(of({ offers: true, news: false, other: false, messages: false })).to.deep.equal({
      ...unnamed,
      messages: false,
      security: true,
      offers: true,
      news: false,
      other: false,
    });
    // She opted out before the app made it one that nobody may miss.
    expect(of({ security: false })).to.include({ security: true });
  });

  it("have her quiet hours in place of the app's", () => {
    const hers = { from: "20:00", to: "10:00" };
    expect(pushPreferencesView(NO_PREFERENCES, policy).effective.quiet_hours).to.deep.equal(policy.quietHours);
    const own = pushPreferencesView({ ...NO_PREFERENCES, quietHours: hers }, policy);
    expect([own.quiet_hours, own.effective.quiet_hours]).to.deep.equal([hers, hers]);
  });

  it("change in what a body names alone, with null as a value", () => {
    expect(parsePreferenceChanges({}, policy)).to.deep.equal({});
    expect(parsePreferenceChanges({ muted_until: null, categories: { news: null } }, policy)).to.deep.equal({
      mutedUntil: null,
      categories: { news: null },
    });
    expect(parsePreferenceChanges({ muted_until: "2026-12-01T09:00:00+01:00" }, policy)).to.deep.equal({
      mutedUntil: Date.UTC(2026, 11, 1, 8),
    });
  });

  it("are refused by the exact property that is wrong, opting out of what nobody may miss included", () => {
    for (const [body, refusal] of [
      [null, "invalid_request"],
      [{ categories: { security: false } }, "invalid_property categories.security"],
      [{ categories: { offers: "no" } }, "invalid_property categories.offers"],
      [{ categories: [] }, "invalid_property categories"],
      [JSON.parse('{"categories": {"__proto__": false}}'), "invalid_property categories.__proto__"],
      [{ time_zone: "Mars/Olympus" }, "invalid_property time_zone"],
      [{ muted_until: "tomorrow" }, "invalid_property muted_until"],
      [{ muted_until: "2026-12-01T09:00:00" }, "invalid_property muted_until"],
      [{ quiet_hours: { from: "22:00", to: "8:00" } }, "invalid_property quiet_hours.to"],
      [{ effective: {} }, "invalid_property effective"],
    ] as const) {
      expect(wrong(body), JSON.stringify(body)).to.equal(refusal);
    }
    expect(wrong({ categories: { security: true } })).to.equal("taken");
    expect(wrong({ categories: { security: null } })).to.equal("taken");
  });
});
