import { PUSH_POLICIES, type PushOutcomeView } from "@strata/contracts";
import { expect } from "chai";
import { type StoryFacts, whyNot } from "./why-not.ts";

const reached: StoryFacts = {
  isKnown: true,
  isRecipient: true,
  state: "distributed",
  isSilent: false,
  isRead: false,
  outcomes: [{ deviceId: "phone", platform: "ios", outcome: "accepted", reason: null, providerId: "p", at: 1 }],
  devices: 1,
};
const reasons = (changes: Partial<StoryFacts>) =>
  whyNot({ ...reached, ...changes }).map(({ code, deviceId }) => [code, deviceId]);

const one = (changes: Partial<PushOutcomeView>) => {
  const [accepted] = reached.outcomes;
  if (!accepted) throw new Error("no outcome");
  const [reason, ...others] = whyNot({ ...reached, outcomes: [{ ...accepted, ...changes }] });
  expect(others).to.deep.equal([]);
  return reason;
};

describe("why something did not happen", () => {
  it("has nothing to say where all went well", () => {
    expect(reasons({})).to.deep.equal([]);
  });

  it("tells who is no recipient whether she is none, is not there, or may be one yet", () => {
    expect(reasons({ isRecipient: false })).to.deep.equal([["not_in_audience", null]]);
    expect(reasons({ isRecipient: false, isKnown: false })).to.deep.equal([["unknown_user", null]]);
    expect(reasons({ isRecipient: false, state: "distributing" })).to.deep.equal([["not_yet", null]]);
  });

  it("tells who is no recipient how far it has come, or how it ended", () => {
    expect(reasons({ isRecipient: false, state: "accepting" })).to.deep.equal([["not_yet", null]]);
    for (const state of ["scheduled", "paused", "canceled", "recalled", "expired"] as const) {
      expect(reasons({ isRecipient: false, state })).to.deep.equal([[state, null]]);
    }
  });

  it("says of who had not read it that it was recalled or expired before, and of who had, nothing", () => {
    for (const state of ["recalled", "expired"] as const) {
      expect(reasons({ state })).to.deep.equal([[state, null]]);
      expect(reasons({ state, isRead: true })).to.deep.equal([]);
      // No push is to be expected any more.
      expect(reasons({ state, outcomes: [] })).to.deep.equal([[state, null]]);
    }
    expect(reasons({ state: "canceled" })).to.deep.equal([]);
  });

  it("expects no push of what is silent", () => {
    expect(reasons({ isSilent: true, outcomes: [], devices: 0 })).to.deep.equal([]);
  });

  it("names each device whose push failed or waits, with the provider's reason", () => {
    const [accepted] = reached.outcomes;
    if (!accepted) throw new Error("no outcome");
    const outcomes = [
      accepted,
      { ...accepted, deviceId: "old", outcome: "failed" as const, reason: "UNREGISTERED" },
      { ...accepted, deviceId: "busy", outcome: "waiting" as const },
    ];
    expect(reasons({ outcomes })).to.deep.equal([
      ["push_failed", "old"],
      ["push_waiting", "busy"],
    ]);
    expect(whyNot({ ...reached, outcomes })[0]?.message).to.include("UNREGISTERED");
  });

  it("names the policy that left a push out", () => {
    const codes = Object.fromEntries(
      PUSH_POLICIES.map((policy) => [policy, one({ outcome: "skipped", policy, at: 5 })?.code]),
    );
    expect(codes).to.deep.equal({
      suspended: "suspended",
      blocked: "blocked",
      opted_out: "opted_out",
      muted: "muted",
      already_read: "already_read",
      delay: "push_delayed",
      unread_after: "already_read",
      quiet_hours: "quiet_hours",
      online: "online",
      category_cap: "capped",
      cap: "capped",
    });
    // It is over: there is nothing to wait for.
    expect(one({ outcome: "skipped", policy: "muted", at: 5 })).to.include({ until: null, deviceId: "phone" });
  });

  it("names what a push waits for, and until when", () => {
    for (const [policy, code] of [
      [null, "push_waiting"],
      [undefined, "push_waiting"],
      ["quiet_hours", "quiet_hours"],
      ["delay", "push_delayed"],
      ["unread_after", "push_delayed"],
    ] as const) {
      expect(one({ outcome: "waiting", policy, at: 5 })).to.include({ code, until: 5, deviceId: "phone" });
    }
    const sentences = PUSH_POLICIES.map((policy) => one({ outcome: "waiting", policy })?.message);
    expect(new Set(sentences).size).to.equal(PUSH_POLICIES.length);
  });

  it("says of a push whose time was over that it was", () => {
    expect(one({ outcome: "expired" })).to.include({ code: "push_expired", until: null });
  });

  it("knows a recipient without devices from one whose pushes are still to come", () => {
    expect(reasons({ outcomes: [], devices: 0 })).to.deep.equal([["no_device", null]]);
    expect(reasons({ outcomes: [] })).to.deep.equal([["not_yet", null]]);
  });
});
