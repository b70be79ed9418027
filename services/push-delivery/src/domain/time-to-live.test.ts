import { expect } from "chai";
import { secondsLeft, withTimeToLive } from "./time-to-live.ts";

const plan = {
  planId: "app/announcement/00/0/000000",
  app: "app",
  subject: { kind: "announcement", id: "announcement" } as const,
  hasNotification: true,
  expiresAt: 100_000,
  at: 10_000,
};

describe("time to live", () => {
  it("of a notification counts from when it was accepted, in place of what is usual", () => {
    expect(withTimeToLive(plan, 60).expiresAt).to.equal(70_000);
    expect(withTimeToLive(plan, 600).expiresAt).to.equal(610_000);
    expect(withTimeToLive(plan, 0).expiresAt).to.equal(10_000);
    expect(withTimeToLive(plan, undefined)).to.equal(plan);
    const { at: _at, ...longAgo } = plan;
    expect(withTimeToLive(longAgo, 60)).to.equal(longAgo);
  });

  it("ends with what it is about", () => {
    expect(withTimeToLive({ ...plan, endsAt: 50_000 }, 600).expiresAt).to.equal(50_000);
    expect(withTimeToLive({ ...plan, endsAt: null }, 600).expiresAt).to.equal(610_000);
  });

  it("of an override may be shorter, never longer", () => {
    expect(secondsLeft(plan, undefined, 40_000)).to.equal(60);
    expect(secondsLeft(plan, 45, 40_000)).to.equal(15);
    expect(secondsLeft(plan, 600, 40_000)).to.equal(60);
    expect(secondsLeft(plan, 5, 40_000)).to.equal(0);
    expect(secondsLeft(plan, 45, 40_001), "a provider is not told more than there is").to.equal(14);
    expect(secondsLeft({ expiresAt: 100_000 }, 5, 40_000)).to.equal(60);
  });
});
