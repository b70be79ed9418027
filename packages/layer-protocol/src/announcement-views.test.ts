import { expect } from "chai";
import * as fc from "fast-check";
import {
  VERSIONS,
  announcementPosition,
  announcementStateView,
  announcementStatusView,
  announcementTimelineView,
  announcementSystemView,
  announcementUserView,
  recipientStateView,
} from "./index.ts";
import type { AnnouncementFacts, LayerVersion, RecipientState, WireContext } from "./index.ts";

const N = "7a2c1f64-3c92-41e4-baad-164230d1df67";
const AT = Date.parse("2026-01-02T03:04:05.678Z");
const wire = (version: LayerVersion): WireContext => ({ version, baseUrl: "https://api.example", appId: "A" });
const PARTS = [{ mimeType: "text/plain", body: "hi", encoding: null }];
const named: AnnouncementFacts = { announcementId: N, at: AT, sender: { name: "Ops" }, parts: PARTS };
const byBot: AnnouncementFacts = { ...named, sender: { userId: "bot" } };
const bot = { displayName: "Bot", avatarUrl: null };
const botIdentity = {
  id: "layer:///identities/bot",
  url: "https://api.example/apps/A/users/bot/identity",
  user_id: "bot",
  display_name: "Bot",
  avatar_url: null,
};
const unread: RecipientState = { status: "sent", deliveredAt: null, readAt: null };

describe("the system view of an announcement", () => {
  const recipients = ["u1", "a/b"];

  it("in 1.x has bare ids, the name given and slim parts", () => {
    expect(announcementSystemView(wire("1.0"), { ...named, recipients }, null)).to.deep.equal({
      id: `layer:///announcements/${N}`,
      url: `https://api.example/apps/A/announcements/${N}`,
      sent_at: "2026-01-02T03:04:05.678Z",
      recipients: ["u1", "a/b"],
      sender: { name: "Ops" },
      parts: [{ mime_type: "text/plain", body: "hi" }],
    });
  });

  it("in 2.0 has identity ids, the sender's identity and parts with ids", () => {
    expect(announcementSystemView(wire("2.0"), { ...byBot, recipients }, bot)).to.deep.include({
      recipients: ["layer:///identities/u1", "layer:///identities/a%2Fb"],
      sender: botIdentity,
      parts: [
        {
          id: `layer:///announcements/${N}/parts/0`,
          mime_type: "text/plain",
          body: "hi",
          encoding: null,
          content: null,
        },
      ],
    });
  });

  it("in 3.0 has parts with URLs too", () => {
    const [part] = announcementSystemView(wire("3.0"), { ...byBot, recipients }, bot).parts;
    expect(part).to.deep.equal({
      id: `layer:///announcements/${N}/parts/0`,
      url: `https://api.example/apps/A/announcements/${N}/parts/0`,
      message_url: `https://api.example/apps/A/announcements/${N}`,
      mime_type: "text/plain",
      body: "hi",
      encoding: null,
      content: null,
      updated_at: null,
    });
  });

  it("says so when a part's body is base64, in 1.x too", () => {
    const parts = [{ mimeType: "image/png", body: "/9j/4A==", encoding: "base64" as const }];
    expect(announcementSystemView(wire("1.0"), { ...named, parts, recipients }, null).parts).to.deep.equal([
      { mime_type: "image/png", body: "/9j/4A==", encoding: "base64" },
    ]);
  });

  it("has null for a list of recipients that was not kept", () => {
    expect(announcementSystemView(wire("3.0"), { ...byBot, recipients: null }, bot).recipients).to.equal(null);
  });

  it("shows an announcement of another version's sender in its own terms", () => {
    expect(announcementSystemView(wire("3.0"), { ...named, recipients }, null).sender).to.include({
      id: null,
      display_name: "Ops",
    });
    expect(announcementSystemView(wire("1.0"), { ...byBot, recipients }, bot).sender).to.deep.equal({ user_id: "bot" });
  });
});

const isUnread = (status: RecipientState["status"]) =>
  announcementUserView(wire("3.0"), "u", byBot, { ...unread, status }, bot).is_unread;

const receivedAt = (deliveredAt: number | null, readAt: number | null) =>
  announcementUserView(wire("3.0"), "u", byBot, { status: "read", deliveredAt, readAt }, bot).received_at;

describe("the recipient's view of an announcement", () => {
  it("is a message without conversation that knows only her status", () => {
    expect(announcementUserView(wire("3.0"), "a/b", byBot, unread, bot)).to.deep.equal({
      id: `layer:///announcements/${N}`,
      url: `https://api.example/apps/A/users/a%2Fb/announcements/${N}`,
      receipts_url: `https://api.example/apps/A/users/a%2Fb/announcements/${N}/receipts`,
      conversation: null,
      position: announcementPosition(AT, N),
      parts: [
        {
          id: `layer:///announcements/${N}/parts/0`,
          url: `https://api.example/apps/A/users/a%2Fb/announcements/${N}/parts/0`,
          message_url: `https://api.example/apps/A/users/a%2Fb/announcements/${N}`,
          mime_type: "text/plain",
          body: "hi",
          encoding: null,
          content: null,
          updated_at: null,
        },
      ],
      sent_at: "2026-01-02T03:04:05.678Z",
      received_at: null,
      is_unread: true,
      sender: botIdentity,
      recipient_status: { "layer:///identities/a%2Fb": "sent" },
      notification: null,
      reply_to: null,
      updated_at: null,
    });
  });

  it("of a corrected one says since when, and which revision it is", () => {
    const revisions = [
      { revision: 1, at: AT },
      { revision: 2, at: AT + 1 },
    ];
    expect(announcementUserView(wire("3.0"), "u", { ...byBot, revisions }, unread, bot)).to.deep.include({
      updated_at: "2026-01-02T03:04:05.679Z",
      revision: 2,
    });
    const original = { ...byBot, revisions: revisions.slice(0, 1) };
    expect(announcementUserView(wire("3.0"), "u", original, unread, bot))
      .to.include({ updated_at: null })
      .and.not.have.property("revision");
  });

  it("in 1.x has both members of the sender, keys by user id, and none of the later fields", () => {
    const view = announcementUserView(wire("1.1"), "a/b", named, unread, null);
    expect(view.sender).to.deep.equal({ user_id: null, name: "Ops" });
    expect(view.recipient_status).to.deep.equal({ "a/b": "sent" });
    expect(view).to.not.have.any.keys("reply_to", "updated_at");
    expect(announcementUserView(wire("1.0"), "u", byBot, unread, bot).sender).to.deep.equal({
      user_id: "bot",
      name: null,
    });
  });

  it("in 2.0 has parts without URLs", () => {
    expect(announcementUserView(wire("2.0"), "u", byBot, unread, bot).parts[0]).to.have.all.keys(
      "id",
      "mime_type",
      "body",
      "encoding",
      "content",
    );
  });

  it("is unread until it is read", () => {
    expect([isUnread("sent"), isUnread("delivered"), isUnread("read")]).to.deep.equal([true, true, false]);
  });

  it("was received when it was delivered, or else when it was read", () => {
    expect(receivedAt(0, 1000)).to.equal("1970-01-01T00:00:00.000Z");
    expect(receivedAt(null, 1000)).to.equal("1970-01-01T00:00:01.000Z");
  });
});

describe("the position of an announcement", () => {
  it("is an integer clients can hold, later ones higher", () => {
    fc.assert(
      fc.property(fc.uuid(), fc.uuid(), fc.nat(4_000_000_000_000), (earlier, later, at) => {
        const position = announcementPosition(at, earlier);
        expect(Number.isSafeInteger(position)).to.equal(true);
        expect(announcementPosition(at + 1, later)).to.be.above(position);
      }),
    );
  });

  it("falls, within one millisecond, as the id rises: the order in which the inbox pages", () => {
    fc.assert(
      fc.property(fc.uuid(), fc.uuid(), (one, other) => {
        const [low, high] = one < other ? [one, other] : [other, one];
        expect(announcementPosition(AT, low)).to.be.at.least(announcementPosition(AT, high));
      }),
    );
  });
});

describe("extension views", () => {
  it("show where an announcement stands, and its counts", () => {
    const numbers = { recipients: 10, unknown: 1, sent: 9, delivered: 5, read: 3, opened: 2, deleted: 1 };
    const counts = {
      ...numbers,
      pushed: 7,
      pushedByPlatform: { ios: 4, android: 3, web: 0 },
      failed: 2,
      failedByReason: { UNREGISTERED: 2 },
      failedByPlatform: { ios: 0, android: 2, web: 0 },
      skipped: 4,
      skippedByPlatform: { ios: 4, android: 0, web: 0 },
      skippedByPolicy: { opted_out: 3, quiet_hours: 1 },
      pushExpired: 6,
      pushWaiting: 8,
    };
    const facts = { announcementId: N, at: AT, state: "distributed", parts: [], notification: null };
    expect(announcementStatusView(wire("3.0"), facts, counts)).to.deep.include({
      id: `layer:///announcements/${N}`,
      url: `https://api.example/apps/A/announcements/${N}`,
      state: "distributed",
      created_at: "2026-01-02T03:04:05.678Z",
      counts: {
        ...numbers,
        pushed: 7,
        pushed_by_platform: { ios: 4, android: 3, web: 0 },
        failed: 2,
        failed_by_reason: { UNREGISTERED: 2 },
        failed_by_platform: { ios: 0, android: 2, web: 0 },
        push_skipped: 4,
        push_skipped_by_platform: { ios: 4, android: 0, web: 0 },
        push_skipped_by_policy: { opted_out: 3, quiet_hours: 1 },
        push_expired: 6,
        push_waiting: 8,
      },
    });
  });

  it("show its terms, and what a change of its state reached", () => {
    const terms = { expiresAt: AT, throttlePerMinute: 60, isSilent: true, includeNewUsersUntil: AT };
    const facts = { announcementId: N, at: AT, state: "paused", ...terms };
    expect(announcementStateView(wire("3.0"), facts, 7)).to.deep.equal({
      id: `layer:///announcements/${N}`,
      url: `https://api.example/apps/A/announcements/${N}`,
      state: "paused",
      created_at: "2026-01-02T03:04:05.678Z",
      starts_at: null,
      expires_at: "2026-01-02T03:04:05.678Z",
      category: null,
      priority: "normal",
      silent: true,
      throttle: { per_minute: 60 },
      include_new_users_until: "2026-01-02T03:04:05.678Z",
      revision: 1,
      reached: 7,
    });
  });

  it("show a timeline with times", () => {
    expect(announcementTimelineView([{ at: AT, read: 1 }])).to.deep.equal([
      { at: "2026-01-02T03:04:05.678Z", read: 1 },
    ]);
  });

  it("show a recipient by the id her version pages with", () => {
    const recipient = { userId: "a/b", status: "read" as const, deliveredAt: null, readAt: AT };
    const views = VERSIONS.map((version) => recipientStateView(wire(version), recipient));
    expect(views.map((view) => view.recipient)).to.deep.equal([
      "a/b",
      "a/b",
      "layer:///identities/a%2Fb",
      "layer:///identities/a%2Fb",
    ]);
    expect(views[0]).to.deep.include({
      user_id: "a/b",
      status: "read",
      delivered_at: null,
      read_at: "2026-01-02T03:04:05.678Z",
      opened_at: null,
      deleted_at: null,
    });
  });
});
