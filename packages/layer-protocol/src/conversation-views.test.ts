import { expect } from "chai";
import { VERSIONS, bareContentView, conversationSystemView, conversationUserView } from "./index.ts";
import type { LayerVersion, Profiles, UserConversationFacts, UserMessageFacts, WireContext } from "./index.ts";

const C = "7a2c1f64-3c92-41e4-baad-164230d1df67";
const M = "0c8f66a0-9d5b-4d0f-8b5f-7c6a5a4a3b21";
const AT = Date.parse("2026-01-02T03:04:05.678Z");
const wire = (version: LayerVersion): WireContext => ({ version, baseUrl: "https://api.example", appId: "A" });
const profiles: Profiles = new Map([["u1", { displayName: "One", avatarUrl: "https://pic.example/1" }]]);
const lookups = { profiles, contents: bareContentView };

const lastMessage: UserMessageFacts = {
  messageId: M,
  conversationId: C,
  position: 2,
  sentAt: AT,
  sender: { userId: "u1" },
  parts: [],
  recipients: [{ userId: "u1", status: "read" }],
  updatedAt: null,
  isUnread: true,
  receivedAt: null,
};
const conversation: UserConversationFacts = {
  conversationId: C,
  createdAt: AT,
  participants: ["u1", "a/b"],
  distinct: true,
  metadata: { k: { l: "v" } },
  lastMessage,
  unreadCount: 1,
  messageCount: 2,
};
const identities = [
  {
    id: "layer:///identities/u1",
    url: "https://api.example/apps/A/users/u1/identity",
    user_id: "u1",
    display_name: "One",
    avatar_url: "https://pic.example/1",
  },
  {
    id: "layer:///identities/a%2Fb",
    url: "https://api.example/apps/A/users/a%2Fb/identity",
    user_id: "a/b",
    display_name: null,
    avatar_url: null,
  },
];

describe("the system view of a conversation", () => {
  it("has participants by user id in 1.x and by identity from 2.0, in the order they came", () => {
    for (const version of VERSIONS) {
      expect(conversationSystemView(wire(version), conversation, profiles)).to.deep.equal({
        id: `layer:///conversations/${C}`,
        url: `https://api.example/apps/A/conversations/${C}`,
        messages_url: `https://api.example/apps/A/conversations/${C}/messages`,
        created_at: "2026-01-02T03:04:05.678Z",
        participants: version.startsWith("1.") ? ["u1", "a/b"] : identities,
        distinct: true,
        metadata: { k: { l: "v" } },
      });
    }
  });
});

describe("a user's view of a conversation", () => {
  it("has her own URLs, her counts and the last message", () => {
    for (const version of VERSIONS) {
      const view = conversationUserView(wire(version), "a/b", conversation, lookups);
      expect(view).to.deep.include({
        id: `layer:///conversations/${C}`,
        url: `https://api.example/apps/A/users/a%2Fb/conversations/${C}`,
        messages_url: `https://api.example/apps/A/users/a%2Fb/conversations/${C}/messages`,
        unread_message_count: 1,
        total_message_count: 2,
      });
      expect(view.last_message).to.deep.include({
        id: `layer:///messages/${M}`,
        url: `https://api.example/apps/A/users/a%2Fb/messages/${M}`,
        is_unread: true,
      });
    }
  });

  it("has nobody in it once she has left, and null before the first message", () => {
    const left = { ...conversation, participants: [], lastMessage: null };
    expect(conversationUserView(wire("3.0"), "u1", left, lookups)).to.deep.include({
      participants: [],
      last_message: null,
    });
  });
});
