import {
  type CategoryPolicy,
  DEFAULT_PUSH_POLICY,
  NO_PREFERENCES,
  PUSH_POLICIES,
  type PushPolicy,
  type PushRules,
} from "@strata/contracts";
import { localTimeOf } from "@strata/local-time";
import { expect } from "chai";
import * as fc from "fast-check";
import { NO_FACTS } from "../policy-facts.ts";
import { capsOf, type TakenPlace } from "./caps.ts";
import { categoryOf, decider, type Facts, type PolicedPush, rulesOf } from "./policy.ts";
import { quietUntil, quietUntilAt } from "./quiet-hours.ts";

const NOW = Date.parse("2026-11-26T12:00:00Z");
const HOUR_MS = 3_600_000;

const PUSH: PolicedPush = {
  category: "news",
  isUrgent: false,
  isSilent: false,
  isFollowUp: false,
  at: NOW,
  expiresAt: NOW + 24 * HOUR_MS,
};

interface Given {
  readonly rules?: Partial<PushRules>;
  readonly category?: CategoryPolicy;
  readonly policy?: Partial<PushPolicy>;
  readonly facts?: Partial<Facts>;
  readonly push?: Partial<PolicedPush>;
}

function decide({ rules, category, policy, facts, push }: Given, now = NOW) {
  const { rules: common } = DEFAULT_PUSH_POLICY;
  const whole: PushPolicy = {
    ...DEFAULT_PUSH_POLICY,
    rules: { ...common, ...rules },
    categories: category ? { news: category } : {},
    ...policy,
  };
  const { decision, policy: decided, until } = decider(whole, { ...PUSH, ...push }, now)({ ...NO_FACTS, ...facts });
  return [decision, decided, until];
}
const wants = (preferences: Partial<Facts["preferences"]>) => ({ preferences: { ...NO_PREFERENCES, ...preferences } });
const full = { cap: { pushes: 1, hours: 1 }, used: 1, freeAt: NOW + 60_000 };

const SENT = ["send", null, null];
const skipped = (policy: string) => ["skip", policy, null];

describe("a push policy decides", () => {
  it("nothing by itself", () => {
    expect(decide({})).to.deep.equal(SENT);
  });

  it("in the order of the list, where several would", () => {
    const everything: Given = {
      rules: {
        isSkippedRead: true,
        isSkippedOnline: true,
        delaySeconds: 60,
        unreadAfterMinutes: 5,
        inQuietHours: "skip",
      },
      policy: { quietHours: { from: "11:00", to: "13:00" } },
      facts: {
        isSuspended: true,
        isBlockingSender: true,
        ...wants({ categories: { news: false }, mutedUntil: NOW + 1 }),
        hasRead: true,
        lastSeenAt: NOW,
        hasSocket: false,
        caps: { hasPlace: false, category: full, all: full },
      },
    };
    const { facts = {}, rules = {} } = everything;
    const weaker: Given[] = [
      everything,
      { ...everything, facts: { ...facts, isSuspended: false } },
      { ...everything, facts: { ...facts, isSuspended: false, isBlockingSender: false } },
    ];
    const calm: Partial<Facts> = { ...facts, isSuspended: false, isBlockingSender: false };
    const steps: Given[] = [
      ...weaker,
      { ...everything, facts: { ...calm, ...wants({ mutedUntil: NOW + 1 }) } },
      { ...everything, facts: { ...calm, ...wants({}) } },
      { ...everything, facts: { ...calm, ...wants({}), hasRead: false } },
      { ...everything, rules: { ...rules, delaySeconds: 0 }, facts: { ...calm, ...wants({}), hasRead: false } },
    ];
    const quiet: Given = {
      ...everything,
      rules: { ...rules, delaySeconds: 0, unreadAfterMinutes: null },
      facts: { ...calm, ...wants({}), hasRead: false },
    };
    const loud: Given = { ...quiet, policy: {} };
    const offline: Given = { ...loud, facts: { ...loud.facts, lastSeenAt: null } };
    const roomy: Given = {
      ...offline,
      facts: { ...offline.facts, caps: { hasPlace: false, category: null, all: full } },
    };
    const decided = [...steps, quiet, loud, offline, roomy].map((given) => decide(given)[1]);
    expect(decided).to.deep.equal([...PUSH_POLICIES]);
  });

  it("that who is muted or has quiet hours gets what is urgent, and who opted out does not", () => {
    const urgent = { isUrgent: true };
    const mutedUntil = NOW + 60_000;
    expect(decide({ facts: wants({ mutedUntil }) })).to.deep.equal(skipped("muted"));
    expect(decide({ facts: wants({ mutedUntil }), push: urgent })).to.deep.equal(SENT);
    expect(decide({ facts: wants({ mutedUntil: NOW }) })).to.deep.equal(SENT);
    const quietHours = { from: "11:00", to: "13:00" };
    expect(decide({ facts: wants({ quietHours }) })).to.deep.equal(["wait", "quiet_hours", NOW + HOUR_MS]);
    expect(decide({ facts: wants({ quietHours }), push: urgent })).to.deep.equal(SENT);
    expect(decide({ facts: wants({ categories: { news: false } }), push: urgent })).to.deep.equal(skipped("opted_out"));
  });

  it("by what a category says to who said nothing, and lets nobody out of one that is always on", () => {
    expect(decide({ category: { choice: "off" } })).to.deep.equal(skipped("opted_out"));
    expect(decide({ category: { choice: "off" }, facts: wants({ categories: { news: true } }) })).to.deep.equal(SENT);
    const out = wants({ categories: { news: false } });
    expect(decide({ category: { choice: "on" }, facts: out })).to.deep.equal(skipped("opted_out"));
    expect(decide({ category: { choice: "always" }, facts: out })).to.deep.equal(SENT);
    expect(decide({ push: { category: "constructor" } })).to.deep.equal(SENT);
  });

  it("by a category's own rules, also where they turn off what holds for all", () => {
    const rules = { isSkippedRead: true, isSkippedOnline: true, unreadAfterMinutes: 10 };
    const cap = { pushes: 1, hours: 1 };
    const facts = { hasRead: true, lastSeenAt: NOW };
    expect(decide({ rules, facts })).to.deep.equal(skipped("already_read"));
    const category = { isSkippedRead: false, isSkippedOnline: false, unreadAfterMinutes: null };
    expect(decide({ rules, facts, category })).to.deep.equal(SENT);
    const policy: PushPolicy = { ...DEFAULT_PUSH_POLICY, rules: { ...DEFAULT_PUSH_POLICY.rules, cap } };
    const capOf = (own: CategoryPolicy) => rulesOf({ ...policy, categories: { news: own } }, "news").cap;
    expect([capOf({}), capOf({ cap: null }), capOf({ cap: { pushes: 2, hours: 1 } })]).to.deep.equal([
      cap,
      null,
      { pushes: 2, hours: 1 },
    ]);
    const quietHours = { from: "11:00", to: "13:00" };
    expect(decide({ policy: { quietHours }, category: { inQuietHours: "push" } })).to.deep.equal(SENT);
    expect(decide({ policy: { quietHours }, category: { inQuietHours: "skip" } })).to.deep.equal(
      skipped("quiet_hours"),
    );
  });

  it("that what is urgent waits for nobody to read it", () => {
    const rules = { unreadAfterMinutes: 10 };
    for (const hasRead of [true, false])
      expect(decide({ rules, facts: { hasRead }, push: { isUrgent: true } })).to.deep.equal(SENT);
  });

  it("under the category of its kind over what names none", () => {
    for (const named of [null, undefined, ""]) expect(categoryOf("message", named)).to.equal("messages");
    expect(categoryOf("announcement", "news")).to.equal("news");
  });

  it("only by suspension and blocks over what wakes silently, and by suspension over what follows", () => {
    const against: Given = {
      rules: { delaySeconds: 60 },
      facts: { ...wants({ mutedUntil: NOW + 60_000 }), hasRead: true },
    };
    const silent = { isSilent: true };
    expect(decide({ ...against, push: silent })).to.deep.equal(SENT);
    expect(decide({ facts: { isBlockingSender: true }, push: silent })).to.deep.equal(skipped("blocked"));
    const following = { isFollowUp: true };
    expect(decide({ ...against, facts: { ...against.facts, isBlockingSender: true }, push: following })).to.deep.equal(
      SENT,
    );
    expect(decide({ facts: { isSuspended: true }, push: following })).to.deep.equal(skipped("suspended"));
  });

  it("that it waits, and skips it where that would be longer than it is worth sending", () => {
    const delayed: Given = { rules: { delaySeconds: 30 } };
    expect(decide(delayed)).to.deep.equal(["wait", "delay", NOW + 30_000]);
    expect(decide(delayed, NOW + 30_000)).to.deep.equal(SENT);
    expect(decide({ ...delayed, push: { expiresAt: NOW + 30_000 } })).to.deep.equal(skipped("delay"));
    const unread: Given = { category: { unreadAfterMinutes: 10 } };
    expect(decide(unread)).to.deep.equal(["wait", "unread_after", NOW + 600_000]);
    expect(decide({ ...unread, facts: { hasRead: true } })).to.deep.equal(skipped("unread_after"));
    expect(decide(unread, NOW + 600_000)).to.deep.equal(SENT);
    const quiet: Given = { policy: { quietHours: { from: "22:00", to: "13:00" } }, push: { expiresAt: NOW + HOUR_MS } };
    expect(decide(quiet)).to.deep.equal(skipped("quiet_hours"));
  });

  it("by her zone, her device's, or the app's for whom none is known", () => {
    const policy = { quietHours: { from: "20:00", to: "22:00" }, fallbackTimeZone: "Asia/Tokyo" };
    expect(decide({ policy })[1]).to.equal("quiet_hours");
    expect(decide({ policy, facts: { timeZone: "Europe/Berlin" } })).to.deep.equal(SENT);
    expect(decide({ policy, facts: { timeZone: "Europe/Berlin", ...wants({ timeZone: "Asia/Tokyo" }) } })[1]).to.equal(
      "quiet_hours",
    );
  });

  it("that nobody is online a minute after she was seen", () => {
    const rules = { isSkippedOnline: true };
    expect(decide({ rules, facts: { lastSeenAt: NOW - 59_999 } })).to.deep.equal(skipped("online"));
    expect(decide({ rules, facts: { lastSeenAt: NOW - 60_000 } })).to.deep.equal(SENT);
    expect(decide({ facts: { lastSeenAt: NOW } })).to.deep.equal(SENT);
    expect(decide({ rules, facts: { hasSocket: true } })).to.deep.equal(skipped("online"));
    expect(decide({ facts: { hasSocket: true } })).to.deep.equal(SENT);
  });
});

const until = (from: string, to: string, timeZone: string, at: string): string | null => {
  const end = quietUntil({ from, to }, timeZone, Date.parse(at));
  return end === null ? null : new Date(end).toISOString();
};

describe("quiet hours", () => {
  it("last over midnight, from the minute they begin until the one they end", () => {
    expect(until("22:00", "07:00", "Europe/Berlin", "2026-11-26T21:00:00Z")).to.equal("2026-11-27T06:00:00.000Z");
    expect(until("22:00", "07:00", "Europe/Berlin", "2026-11-26T20:59:59Z")).to.equal(null);
    expect(until("22:00", "07:00", "Europe/Berlin", "2026-11-27T05:59:59Z")).to.equal("2026-11-27T06:00:00.000Z");
    expect(until("22:00", "07:00", "Europe/Berlin", "2026-11-27T06:00:00Z")).to.equal(null);
    expect(until("12:00", "13:00", "Asia/Kathmandu", "2026-11-27T06:15:00Z")).to.equal("2026-11-27T07:15:00.000Z");
  });

  it("end at her own clock's time in nights in which clocks are changed", () => {
    // An hour shorter and an hour longer than others.
    expect(until("22:00", "07:00", "Europe/Berlin", "2026-03-28T21:30:00Z")).to.equal("2026-03-29T05:00:00.000Z");
    expect(until("22:00", "07:00", "Europe/Berlin", "2026-10-24T20:30:00Z")).to.equal("2026-10-25T06:00:00.000Z");
  });

  it("end once, where clocks show their end twice or leave it out", () => {
    expect(until("22:00", "02:30", "Europe/Berlin", "2026-10-25T00:29:59Z")).to.equal("2026-10-25T00:30:00.000Z");
    expect(until("22:00", "02:30", "Europe/Berlin", "2026-10-25T01:15:00Z")).to.equal(null);
    expect(until("22:00", "02:30", "Europe/Berlin", "2026-03-29T01:15:00Z")).to.equal("2026-03-29T01:30:00.000Z");
    expect(until("22:00", "02:30", "Europe/Berlin", "2026-03-29T01:30:00Z")).to.equal(null);
  });

  it("are over at their end and not before, anywhere, on any day", () => {
    const time = fc
      .integer({ min: 0, max: 95 })
      .map((quarter) => new Date(quarter * 900_000).toISOString().slice(11, 16));
    const minutes = fc.integer({ min: Date.UTC(2024, 0) / 60_000, max: Date.UTC(2030, 0) / 60_000 });
    fc.assert(
      fc.property(
        time,
        time,
        fc.constantFrom(...Intl.supportedValuesOf("timeZone")),
        minutes,
        (from, to, zone, minute) => {
          fc.pre(from !== to);
          const at = minute * 60_000;
          const end = quietUntil({ from, to }, zone, at);
          if (end === null) return;
          expect(end).to.be.greaterThan(at);
          expect(end - at).to.be.at.most(25 * HOUR_MS);
          expect(quietUntil({ from, to }, zone, end), `${from}-${to} ${zone} at its end`).to.equal(null);
          expect(quietUntil({ from, to }, zone, end - 1)).to.equal(end);
          // Where clocks leave the end out, they show a later time then.
          expect(localTimeOf(end, zone).slice(11, 16) >= to || from > to).to.equal(true);
        },
      ),
      { numRuns: 500 },
    );
  });
});

describe("the end of quiet hours, worked out once for all who share them", () => {
  it("is each one's own, by hours and by zone", () => {
    const endOf = quietUntilAt(NOW);
    const hours = { from: "12:00", to: "14:00" };
    expect(endOf(hours, "UTC")).to.equal(NOW + 2 * HOUR_MS);
    expect(endOf(hours, "Europe/Berlin")).to.equal(NOW + HOUR_MS);
    expect(endOf(hours, "Asia/Tokyo")).to.equal(null);
    expect(endOf({ from: "12:00", to: "15:00" }, "UTC")).to.equal(NOW + 3 * HOUR_MS);
    expect(endOf({ from: "11:00", to: "14:00" }, "Asia/Tokyo")).to.equal(null);
    expect(endOf(hours, "UTC")).to.equal(NOW + 2 * HOUR_MS);
  });
});

const place = (subject: string, hoursAgo: number, category = "news"): TakenPlace => ({
  subject,
  category,
  at: NOW - hoursAgo * HOUR_MS,
});

describe("the use of a cap", () => {
  const question = { userId: "ann", category: "news", categoryCap: { pushes: 2, hours: 24 } };

  it("counts what was taken within its hours, of its category, and not the push itself", () => {
    const taken = [place("a", 25), place("b", 23), place("c", 1), place("d", 1, "sport"), place("self", 0)];
    const caps = capsOf(taken, "self", question, { pushes: 9, hours: 24 }, NOW);
    expect(caps).to.deep.include({ hasPlace: true });
    expect(caps.category).to.include({ used: 2, freeAt: NOW + HOUR_MS });
    expect(caps.all).to.include({ used: 3, freeAt: null });
    expect(capsOf(taken, null, question, null, NOW)).to.deep.include({ hasPlace: false, all: null });
    // Written by processes whose clocks differ.
    expect(capsOf(taken.toReversed(), "self", question, null, NOW).category).to.include({ freeAt: NOW + HOUR_MS });
  });
});
