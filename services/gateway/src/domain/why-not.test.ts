import { expect } from "chai";
import { type StoryFacts, whyNot } from "./why-not.ts";

const reached: StoryFacts = {
  isKnown: true,
  isRecipient: true,
  state: "distributed",
  outcomes: [{ deviceId: "phone", platform: "ios", outcome: "accepted", reason: null, providerId: "p", at: 1 }],
  devices: 1,
};
const reasons = (changes: Partial<StoryFacts>) =>
  whyNot({ ...reached, ...changes }).map(({ code, deviceId }) => [code, deviceId]);

describe("why something did not happen", () => {
  it("has nothing to say where all went well", () => {
    expect(reasons({})).to.deep.equal([]);
  });

  it("tells who is no recipient whether she is none, is not there, or may be one yet", () => {
    expect(reasons({ isRecipient: false })).to.deep.equal([["not_in_audience", null]]);
    expect(reasons({ isRecipient: false, isKnown: false })).to.deep.equal([["unknown_user", null]]);
    expect(reasons({ isRecipient: false, state: "distributing" })).to.deep.equal([["not_yet", null]]);
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

  it("knows a recipient without devices from one whose pushes are still to come", () => {
    expect(reasons({ outcomes: [], devices: 0 })).to.deep.equal([["no_device", null]]);
    expect(reasons({ outcomes: [] })).to.deep.equal([["not_yet", null]]);
  });
});
