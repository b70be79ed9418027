import { expect } from "chai";
import { refusal } from "../test/refusal.ts";
import { VERSIONS, notificationView, parseNotification } from "./index.ts";

describe("a notification", () => {
  it("is optional", () => {
    expect(parseNotification("1.0", undefined)).to.equal(null);
    expect(parseNotification("3.0", null)).to.equal(null);
  });

  it("has all its keys in every version, and ignores others, the badge among them", () => {
    const body = {
      text: "t",
      sound: "s.aiff",
      title: "T",
      category: "c",
      "title-loc-key": "TK",
      "title-loc-args": ["1"],
      "loc-key": "LK",
      "loc-args": ["2", "3"],
      "action-loc-key": "AK",
      apns: { "launch-image": "l.png", "mutable-content": 1 },
      fcm: { click_action: "OPEN" },
      data: { order: { id: 17 } },
      badge: 4,
    };
    for (const version of VERSIONS) {
      expect(parseNotification(version, body)).to.deep.equal({
        text: "t",
        sound: "s.aiff",
        title: "T",
        category: "c",
        titleLocKey: "TK",
        titleLocArgs: ["1"],
        locKey: "LK",
        locArgs: ["2", "3"],
        actionLocKey: "AK",
        apns: { "launch-image": "l.png", "mutable-content": 1 },
        fcm: { click_action: "OPEN" },
        data: { order: { id: 17 } },
      });
    }
  });

  it("has keys beyond the contract, in every version", () => {
    const body = {
      ttl: 3_600,
      priority: "normal",
      collapse_id: "score",
      "mutable-content": 1,
      "content-available": false,
      "interruption-level": "time-sensitive",
      "relevance-score": 0.5,
      "thread-id": "match",
    };
    for (const version of VERSIONS) {
      const parsed = parseNotification(version, { ...body, recipients: { ann: { ttl: 0, collapse_id: "mine" } } });
      expect(parsed).to.deep.equal({
        ttl: 3_600,
        priority: "normal",
        collapseId: "score",
        mutableContent: true,
        contentAvailable: false,
        interruptionLevel: "time-sensitive",
        relevanceScore: 0.5,
        threadId: "match",
        recipients: { ann: { ttl: 0, collapseId: "mine" } },
      });
      expect(parsed && parseNotification(version, notificationView(version, parsed))).to.deep.equal(parsed);
    }
  });

  it("leaves absent what is absent or null, so that overrides can inherit it", () => {
    expect(parseNotification("3.0", { text: null })).to.deep.equal({});
  });

  it("takes gcm for fcm, the newer name winning", () => {
    expect(parseNotification("1.1", { gcm: { a: 1 } })).to.deep.equal({ fcm: { a: 1 } });
    expect(parseNotification("1.1", { gcm: { a: 1, b: 1 }, fcm: { b: 2 } })).to.deep.equal({ fcm: { a: 1, b: 2 } });
  });

  it("takes overrides as an object and as an array, in every version", () => {
    const expected = { text: "all", recipients: { u1: { text: "you", sound: "s" } } };
    for (const version of VERSIONS) {
      for (const recipients of [
        { u1: { text: "you", sound: "s" } },
        [{ user_id: "u1", text: "you", sound: "s" }],
        [{ recipient: "layer:///identities/u1", text: "you", sound: "s" }],
      ]) {
        expect(parseNotification(version, { text: "all", recipients })).to.deep.equal(expected);
      }
    }
  });

  it("knows recipients by identity id in an object too, from 2.0", () => {
    expect(parseNotification("2.0", { recipients: { "layer:///identities/a%2Fb": { text: "x" } } })).to.deep.equal({
      recipients: { "a/b": { text: "x" } },
    });
  });

  it("takes the last of several overrides for one user", () => {
    const recipients = [
      { recipient: "u", text: "first" },
      { recipient: "layer:///identities/u", text: "last" },
    ];
    expect(parseNotification("3.0", { recipients })?.recipients).to.deep.equal({ u: { text: "last" } });
  });

  it("takes a user called __proto__ for a user", () => {
    const overrides = parseNotification("1.0", JSON.parse('{"recipients":{"__proto__":{"text":"x"}}}'))?.recipients;
    expect(Object.keys(overrides ?? {})).to.deep.equal(["__proto__"]);
  });

  it("must name whom an override is for", () => {
    expect(refusal(() => parseNotification("1.1", { recipients: [{ text: "x" }] }))).to.equal(
      "missing_property notification.recipients.user_id",
    );
    expect(refusal(() => parseNotification("3.0", { recipients: [{ text: "x" }] }))).to.equal(
      "missing_property notification.recipients.recipient",
    );
  });

  const nested: unknown = JSON.parse(`${'{"a":'.repeat(40)}1${"}".repeat(40)}`);
  const bad: [string, unknown][] = [
    ["notification", "text"],
    ["notification", ["text"]],
    ["notification.text", { text: 7 }],
    ["notification.title-loc-args", { "title-loc-args": "1" }],
    ["notification.loc-args", { "loc-args": ["1", 2] }],
    ["notification.data", { data: "x" }],
    ["notification.data", { data: nested }],
    ["notification.data", { data: { "a\0": 1 } }],
    ["notification.apns", { apns: [] }],
    ["notification.ttl", { ttl: -1 }],
    ["notification.ttl", { ttl: 28 * 86_400 + 1 }],
    ["notification.ttl", { ttl: 1.5 }],
    ["notification.ttl", { ttl: "60" }],
    ["notification.priority", { priority: "urgent" }],
    ["notification.collapse_id", { collapse_id: "" }],
    ["notification.collapse_id", { collapse_id: "\u00e4".repeat(33) }],
    ["notification.mutable-content", { "mutable-content": "yes" }],
    ["notification.content-available", { "content-available": 2 }],
    ["notification.interruption-level", { "interruption-level": "loud" }],
    ["notification.relevance-score", { "relevance-score": 1.1 }],
    ["notification.thread-id", { "thread-id": 7 }],
    ["notification.recipients.ttl", { recipients: { u1: { ttl: "x" } } }],
    ["notification.recipients", { recipients: "everyone" }],
    ["notification.recipients", { recipients: ["u1"] }],
    ["notification.recipients", { recipients: { "": { text: "x" } } }],
    ["notification.recipients", { recipients: { u1: "x" } }],
    ["notification.recipients.text", { recipients: { u1: { text: 7 } } }],
    ["notification.recipients.recipient", { recipients: [{ recipient: "layer:///identities/%zz" }] }],
    ["notification.recipients.user_id", { recipients: [{ user_id: 7 }] }],
  ];
  for (const [property, body] of bad) {
    it(`refuses ${property} in ${JSON.stringify(body).slice(0, 60)}`, () => {
      expect(refusal(() => parseNotification("3.0", body))).to.equal(`invalid_property ${property}`);
    });
  }

  it("is shown so that it can be sent again, in every version", () => {
    const body = {
      title: "T",
      text: "t",
      "loc-key": "LK",
      "loc-args": ["2"],
      "title-loc-key": "TK",
      "title-loc-args": ["1"],
      "action-loc-key": "AK",
      data: { a: 1 },
    };
    for (const version of VERSIONS) {
      const parsed = parseNotification(version, { ...body, recipients: { "a b": { text: "x", "loc-key": "MINE" } } });
      if (parsed === null) throw new Error("there is one");
      const view = notificationView(version, parsed);
      expect(view).to.deep.include(body);
      expect(parseNotification(version, view)).to.deep.equal(parsed);
    }
  });
});
