import { DEFAULT_PUSH_POLICY, PushPolicy } from "@strata/contracts";
import { isPrototypeKey, LayerError } from "@strata/layer-protocol";
import { expect } from "chai";
import * as fc from "fast-check";
import { changedPushPolicy, pushPolicyView } from "./push-policy.ts";

const times = fc
  .tuple(fc.integer({ min: 0, max: 23 }), fc.integer({ min: 0, max: 59 }))
  .map(([hours, minutes]) => `${String(hours).padStart(2, "0")}:${String(minutes).padStart(2, "0")}`);
const quietHours = fc.record({ from: times, to: times }).filter(({ from, to }) => from !== to);
const cap = fc.record({ pushes: fc.integer({ min: 1, max: 1_000 }), hours: fc.integer({ min: 1, max: 720 }) });
const orNull = <T>(some: fc.Arbitrary<T>) => fc.option(some, { nil: null });
const ruleModel = {
  inQuietHours: fc.constantFrom("wait", "skip", "push"),
  isSkippedOnline: fc.boolean(),
  isSkippedRead: fc.boolean(),
  delaySeconds: fc.integer({ min: 0, max: 3_600 }),
  unreadAfterMinutes: orNull(fc.integer({ min: 1, max: 1_440 })),
  cap: orNull(cap),
};
const category = fc.record({ ...ruleModel, choice: fc.constantFrom("on", "off", "always") }, { requiredKeys: [] });
const names = fc
  .string({ unit: "grapheme", minLength: 1, maxLength: 20 })
  .filter((name) => name.length <= 64 && !name.includes("\0") && !(name in Object.prototype) && !isPrototypeKey(name));
const policies = fc
  .record({
    quietHours: orNull(quietHours),
    fallbackTimeZone: fc.constantFrom("UTC", "Europe/Berlin", "America/St_Johns"),
    cap: orNull(cap),
    rules: fc.record(ruleModel),
    categories: fc.dictionary(names, category, { maxKeys: 5, noNullPrototype: true }),
  })
  .map((policy) => PushPolicy.parse(policy));

const wrong = (body: unknown): string => {
  try {
    changedPushPolicy(DEFAULT_PUSH_POLICY, body);
    return "taken";
  } catch (error) {
    if (!(error instanceof LayerError)) throw error;
    const { id, data } = error;
    return `${id} ${String(Object(data)["property"] ?? "")}`.trimEnd();
  }
};

const of = (rules: unknown) => ({ categories: { offers: rules } });
const some = (n: number, word: string) => Object.fromEntries(Array.from({ length: n }, (_, at) => [word + at, {}]));

describe("an app's push policy on the wire", () => {
  it("is the same policy again when what is shown of it is set", () => {
    fc.assert(
      fc.property(policies, policies, (policy, other) => {
        const shown: unknown = JSON.parse(JSON.stringify(pushPolicyView(policy)));
        expect(changedPushPolicy(DEFAULT_PUSH_POLICY, shown)).to.deep.equal(policy);
        // Over another: whatever that had is replaced, but for rules of categories, which are kept where nothing is said.
        expect(changedPushPolicy({ ...other, categories: {} }, shown)).to.deep.equal(policy);
      }),
    );
  });

  it("stays as it is where a body names nothing, or null where null is no value", () => {
    fc.assert(
      fc.property(policies, (policy) => {
        const nothing = { fallback_time_zone: null, category_defaults: { delay_seconds: null }, categories: null };
        for (const body of [{}, nothing]) expect(changedPushPolicy(policy, body)).to.deep.equal(policy);
      }),
    );
  });

  it("changes in what a body names of it, down to one rule of one category", () => {
    const offers = { choice: "off", delaySeconds: 5, cap: { pushes: 1, hours: 24 } } as const;
    const policy = { ...DEFAULT_PUSH_POLICY, quietHours: { from: "22:00", to: "08:00" }, categories: { offers } };
    const change = (body: unknown) => changedPushPolicy(policy, body);
    expect(change({ categories: { offers: { delay_seconds: 9 } } }).categories).to.deep.equal({
      offers: { ...offers, delaySeconds: 9 },
    });
    // Null is a cap's value: this category has none, whatever the defaults are.
    expect(change({ categories: { offers: { frequency_cap: null } } }).categories).to.deep.equal({
      offers: { ...offers, cap: null },
    });
    expect(change({ categories: { offers: null, news: { in_quiet_hours: "send" } } }).categories).to.deep.equal({
      news: { inQuietHours: "push" },
    });
    expect(change({ quiet_hours: null })).to.deep.equal({ ...policy, quietHours: null });
    expect(change({ category_defaults: { skip_if_read: true } }).rules).to.deep.equal({
      ...policy.rules,
      isSkippedRead: true,
    });
  });

  it("is refused by the exact property that is wrong", () => {
    for (const [body, refusal] of [
      [[], "invalid_request"],
      [{ quiet_hours: { from: "25:00", to: "08:00" } }, "invalid_property quiet_hours.from"],
      [{ quiet_hours: { from: "22:00" } }, "invalid_property quiet_hours.to"],
      [{ quiet_hours: { from: "22:00", to: "22:00" } }, "invalid_property quiet_hours"],
      [{ quiet_hours: { from: "22:00", to: "08:00", zone: "UTC" } }, "invalid_property quiet_hours.zone"],
      [{ fallback_time_zone: "Europe/Nowhere" }, "invalid_property fallback_time_zone"],
      [{ fallback_time_zone: "+02:00" }, "invalid_property fallback_time_zone"],
      [{ frequency_cap: { max_pushes: 0, per_hours: 24 } }, "invalid_property frequency_cap.max_pushes"],
      [{ category_defaults: { skip_online: true } }, "invalid_property category_defaults.skip_online"],
      [{ category_defaults: { user_choice: "none" } }, "invalid_property category_defaults.user_choice"],
      [of({ delay_seconds: 3_601 }), "invalid_property categories.offers.delay_seconds"],
      [of({ user_choice: "always" }), "invalid_property categories.offers.user_choice"],
      [of({ in_quiet_hours: "push" }), "invalid_property categories.offers.in_quiet_hours"],
      [of({ frequency_cap: { max_pushes: 1 } }), "invalid_property categories.offers.frequency_cap.per_hours"],
      [of("mute"), "invalid_property categories.offers"],
      [{ categories: { "": {} } }, "invalid_property categories."],
      [{ categories: { ["x".repeat(65)]: {} } }, `invalid_property categories.${"x".repeat(65)}`],
      [JSON.parse('{"categories": {"__proto__": {}}}'), "invalid_property categories.__proto__"],
      [{ categories: { "a\0": {} } }, "invalid_property categories.a\0"],
      [{ categorys: {} }, "invalid_property categorys"],
    ] as const) {
      expect(wrong(body), JSON.stringify(body)).to.equal(refusal);
    }
  });

  it("has a hundred categories and no more, however they come", () => {
    expect(wrong({ categories: some(101, "a") })).to.equal("invalid_property categories");
    const hundred = changedPushPolicy(DEFAULT_PUSH_POLICY, { categories: some(100, "a") });
    expect(() => changedPushPolicy(hundred, { categories: some(1, "b") })).to.throw(LayerError, "more than 100");
    expect(Object.keys(changedPushPolicy(hundred, { categories: { a0: null, b0: {} } }).categories)).to.have.length(
      100,
    );
  });
});
