import { expect } from "chai";
import { refusal } from "../test/refusal.ts";
import { parseInboxFilter, parseReadUntil, parseSince, parseVisit, visitView } from "./index.ts";

const NOW = Date.UTC(2026, 0, 2, 3, 4, 5);
const EARLIER = "2026-01-02T04:04:04+01:00";

describe("what a user asks of her inbox", () => {
  it("is marked as read until a time, which is never after now", () => {
    expect(parseReadUntil(undefined, NOW)).to.equal(NOW);
    expect(parseReadUntil({}, NOW)).to.equal(NOW);
    expect(parseReadUntil({ until: null }, NOW)).to.equal(NOW);
    expect(parseReadUntil({ until: EARLIER }, NOW)).to.equal(NOW - 1_000);
    expect(parseReadUntil({ until: "2999-01-01T00:00:00Z" }, NOW)).to.equal(NOW);
    expect(refusal(() => parseReadUntil({ until: "2026-01-02" }, NOW))).to.equal("invalid_property until");
    expect(refusal(() => parseReadUntil([], NOW))).to.equal("invalid_request");
  });

  it("may be since a time, and only what is unread", () => {
    expect(parseInboxFilter({})).to.deep.equal({ since: null, unread: false });
    expect(parseInboxFilter({ since: EARLIER, unread: "true" })).to.deep.equal({ since: NOW - 1_000, unread: true });
    expect(parseInboxFilter({ unread: "false" })).to.deep.equal({ since: null, unread: false });
    expect(parseSince({ since: EARLIER })).to.equal(NOW - 1_000);
    for (const since of ["", "yesterday", ["2026-01-02T00:00:00Z"]]) {
      expect(refusal(() => parseSince({ since }))).to.equal("invalid_property since");
    }
    for (const unread of ["", "1", ["true"]]) {
      expect(refusal(() => parseInboxFilter({ unread }))).to.equal("invalid_property unread");
    }
  });
});

describe("a visit", () => {
  it("was at a time, or is now; it is not to come, but clocks differ a little", () => {
    expect(parseVisit(undefined, NOW)).to.equal(NOW);
    expect(parseVisit({}, NOW)).to.equal(NOW);
    expect(parseVisit({ at: EARLIER }, NOW)).to.equal(NOW - 1_000);
    expect(parseVisit({ at: "2026-01-02T03:05:05Z" }, NOW)).to.equal(NOW + 60_000);
    expect(refusal(() => parseVisit({ at: "2026-01-02T03:05:05.001Z" }, NOW))).to.equal("invalid_property at");
    expect(refusal(() => parseVisit({ at: 5 }, NOW))).to.equal("invalid_property at");
    expect(refusal(() => parseVisit("now", NOW))).to.equal("invalid_request");
  });

  it("is shown with what else is known of her presence", () => {
    expect(visitView({ visitedAt: NOW })).to.deep.equal({
      visited_at: "2026-01-02T03:04:05.000Z",
      last_seen_at: null,
      known_since: null,
    });
  });
});
