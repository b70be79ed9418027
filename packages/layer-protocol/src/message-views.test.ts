import { expect } from "chai";
import {
  VERSIONS,
  bareContentView,
  messageCreatedView,
  messageSystemView,
  messageUserView,
  partView,
  wirePosition,
} from "./index.ts";
import type { LayerVersion, MessageFacts, PartFacts, Profiles, WireContext } from "./index.ts";

const C = "7a2c1f64-3c92-41e4-baad-164230d1df67";
const M = "0c8f66a0-9d5b-4d0f-8b5f-7c6a5a4a3b21";
const P = "5b1f0c7e-3a0f-4f6f-9d3a-2f1e0d9c8b7a";
const Q = "6c2f0c7e-3a0f-4f6f-9d3a-2f1e0d9c8b7b";
const K = "7d3f0c7e-3a0f-4f6f-9d3a-2f1e0d9c8b7c";
const AT = Date.parse("2026-01-02T03:04:05.678Z");
const SENT_AT = "2026-01-02T03:04:05.678Z";
const API = "https://api.example/apps/A";
const wire = (version: LayerVersion): WireContext => ({ version, baseUrl: "https://api.example", appId: "A" });
const lookups = {
  profiles: new Map([["u1", { displayName: "One", avatarUrl: null }]]) satisfies Profiles,
  contents: bareContentView,
};

const text: PartFacts = {
  partId: P,
  mimeType: "text/plain",
  body: "hi",
  encoding: null,
  content: null,
  updatedAt: null,
};
const bytes: PartFacts = { ...text, partId: Q, mimeType: "image/png", body: "iVA=", encoding: "base64", updatedAt: AT };
const video: PartFacts = {
  ...text,
  partId: Q,
  mimeType: "video/mp4",
  body: null,
  content: { contentId: K, size: 20_480 },
};
const contentView = {
  id: `layer:///content/${K}`,
  size: 20_480,
  download_url: null,
  refresh_url: null,
  expiration: null,
};

const slimText = { mime_type: "text/plain", body: "hi", encoding: null, content: null };

const message: MessageFacts = {
  messageId: M,
  conversationId: C,
  position: 3,
  sentAt: AT,
  sender: { userId: "u1" },
  parts: [text, video],
  recipients: [
    { userId: "u1", status: "read" },
    { userId: "a/b", status: "sent" },
  ],
  updatedAt: null,
};
const named: MessageFacts = { ...message, sender: { name: "Shop" } };
const identity = {
  id: "layer:///identities/u1",
  url: `${API}/users/u1/identity`,
  user_id: "u1",
  display_name: "One",
  avatar_url: null,
};
const conversation = { id: `layer:///conversations/${C}`, url: `${API}/conversations/${C}` };

describe("the system view of a message", () => {
  it("in 1.x has user ids, no position, and parts by their place", () => {
    for (const version of ["1.0", "1.1"] as const) {
      expect(messageSystemView(wire(version), message, lookups)).to.deep.equal({
        id: `layer:///messages/${M}`,
        url: `${API}/conversations/${C}/messages/${M}`,
        receipts_url: null,
        conversation,
        position: null,
        parts: [
          { id: `layer:///messages/${M}/parts/0`, mime_type: "text/plain", body: "hi", encoding: null, content: null },
          {
            id: `layer:///messages/${M}/parts/1`,
            mime_type: "video/mp4",
            body: null,
            encoding: null,
            content: contentView,
          },
        ],
        sent_at: SENT_AT,
        received_at: null,
        is_unread: null,
        sender: { user_id: "u1", name: null },
        recipient_status: { u1: "read", "a/b": "sent" },
        notification: null,
      });
      expect(messageSystemView(wire(version), named, lookups)).to.deep.include({
        sender: { user_id: null, name: "Shop" },
      });
    }
  });

  it("from 2.0 has identities, a position, and when it was changed", () => {
    for (const version of ["2.0", "3.0"] as const) {
      expect(messageSystemView(wire(version), { ...message, updatedAt: AT }, lookups)).to.deep.include({
        receipts_url: null,
        position: 3 * 2 ** 20,
        sender: identity,
        recipient_status: { "layer:///identities/u1": "read", "layer:///identities/a%2Fb": "sent" },
        reply_to: null,
        updated_at: SENT_AT,
      });
      expect(messageSystemView(wire(version), named, lookups).sender).to.deep.equal({
        id: null,
        url: null,
        user_id: null,
        display_name: "Shop",
        avatar_url: null,
      });
    }
  });

  it("shows a recipient whose id is a word of the language like any other", () => {
    const strange: MessageFacts = { ...message, recipients: [{ userId: "__proto__", status: "sent" }] };
    expect(Object.keys(messageSystemView(wire("1.0"), strange, lookups).recipient_status)).to.deep.equal(["__proto__"]);
  });
});

describe("a user's view of a message", () => {
  it("has her own URLs, a position and what she did with it, in every version", () => {
    for (const version of VERSIONS) {
      const url = `${API}/users/a%2Fb/messages/${M}`;
      const view = messageUserView(wire(version), "a/b", { ...message, isUnread: true, receivedAt: AT }, lookups);
      expect(view).to.deep.include({
        url,
        receipts_url: `${url}/receipts`,
        conversation: { ...conversation, url: `${API}/users/a%2Fb/conversations/${C}` },
        position: wirePosition(3),
        received_at: SENT_AT,
        is_unread: true,
        notification: null,
      });
      expect("updated_at" in view, version).to.equal(!version.startsWith("1."));
    }
  });
});

describe("what a send answers", () => {
  it("in 1.x is slim: only the sender's given member, and parts without what they do not have", () => {
    const view = {
      id: `layer:///messages/${M}`,
      url: `${API}/messages/${M}`,
      conversation,
      sent_at: SENT_AT,
      sender: { user_id: "u1" },
      recipient_status: { u1: "read", "a/b": "sent" },
      parts: [
        { mime_type: "text/plain", body: "hi" },
        { mime_type: "image/png", body: "iVA=", encoding: "base64" },
        { mime_type: "video/mp4", content: contentView },
      ],
    };
    const sent = { ...message, parts: [text, bytes, video] };
    expect(messageCreatedView(wire("1.0"), sent, lookups)).to.deep.equal(view);
    expect(messageCreatedView(wire("1.1"), sent, lookups)).to.deep.equal({
      ...view,
      url: `${API}/conversations/${C}/messages/${M}`,
    });
    expect(messageCreatedView(wire("1.0"), named, lookups).sender).to.deep.equal({ name: "Shop" });
  });

  it("from 2.0 has parts with ids, and no channel", () => {
    for (const version of ["2.0", "3.0"] as const) {
      expect(messageCreatedView(wire(version), { ...message, parts: [text] }, lookups)).to.deep.equal({
        id: `layer:///messages/${M}`,
        url: `${API}/conversations/${C}/messages/${M}`,
        conversation,
        channel: null,
        sent_at: SENT_AT,
        sender: identity,
        recipient_status: { "layer:///identities/u1": "read", "layer:///identities/a%2Fb": "sent" },
        parts: [{ ...slimText, id: `layer:///messages/${M}/parts/${version === "2.0" ? 0 : P}` }],
      });
    }
  });
});

describe("a part", () => {
  const url = `${API}/conversations/${C}/messages/${M}`;
  it("is named by its place up to 2.0, and in 3.0 by an id of its own, with URLs", () => {
    for (const version of VERSIONS) {
      const view = partView(wire(version), { messageId: M, url }, bytes, 1, bareContentView);
      const common = { mime_type: "image/png", body: "iVA=", encoding: "base64", content: null };
      expect(view).to.deep.equal(
        version === "3.0"
          ? {
              id: `layer:///messages/${M}/parts/${Q}`,
              ...common,
              url: `${url}/parts/${Q}`,
              message_url: url,
              updated_at: SENT_AT,
            }
          : { id: `layer:///messages/${M}/parts/1`, ...common },
      );
    }
  });
});
