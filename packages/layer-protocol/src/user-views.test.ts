import { expect } from "chai";
import { refusal } from "../test/refusal.ts";
import {
  badgeView,
  blocksView,
  identitySeenBy,
  parseAppPatch,
  parseBadge,
  parseFollowing,
  parseIdentity,
  userView,
} from "./index.ts";
import type { WireContext } from "./index.ts";

const wire = (version: WireContext["version"]): WireContext => ({
  version,
  baseUrl: "https://api.example",
  appId: "A",
});
const bob = parseIdentity("3.0", {
  display_name: "Bob",
  phone_number: "+43 1",
  email_address: "b@x.example",
  metadata: { tier: "gold" },
});

const ttl = (value: unknown) => ({ operation: "set", property: "session_ttl_in_seconds", value });

describe("an identity as other users see it", () => {
  const hidden = { showsPhoneNumbers: false, showsEmailAddresses: false, showsMetadata: false };

  it("has neither phone number nor e-mail address nor metadata", () => {
    expect(identitySeenBy("ann", "bob", bob, hidden)).to.deep.equal({
      ...bob,
      phoneNumber: null,
      emailAddress: null,
      metadata: {},
    });
  });

  it("has each of them where the app shows it", () => {
    const phone = identitySeenBy("ann", "bob", bob, { ...hidden, showsPhoneNumbers: true });
    expect(phone).to.deep.equal({ ...bob, emailAddress: null, metadata: {} });
    const email = identitySeenBy("ann", "bob", bob, { ...hidden, showsEmailAddresses: true });
    expect(email).to.deep.equal({ ...bob, phoneNumber: null, metadata: {} });
    const metadata = identitySeenBy("ann", "bob", bob, { ...hidden, showsMetadata: true });
    expect(metadata).to.deep.equal({ ...bob, phoneNumber: null, emailAddress: null });
  });

  it("is whole for herself", () => {
    expect(identitySeenBy("bob", "bob", bob, hidden)).to.deep.equal(bob);
  });
});

describe("a user on the wire", () => {
  it("is her id, her identity in the version's shape, and whether she is suspended", () => {
    const view = userView(wire("3.0"), { userId: "b/1", identity: bob, isSuspended: true });
    expect(view).to.include({ id: "b/1", suspended: true });
    expect(view.identity).to.include({ id: "layer:///identities/b%2F1", display_name: "Bob" });
    expect(userView(wire("1.0"), { userId: "b", identity: bob, isSuspended: false }).identity).to.not.have.any.keys(
      "id",
    );
  });

  it("has no identity where she is known by name only", () => {
    expect(userView(wire("2.0"), { userId: "b", identity: null, isSuspended: false })).to.deep.equal({
      id: "b",
      identity: null,
      suspended: false,
    });
  });
});

describe("blocks on the wire", () => {
  const identities = new Map([["bob", bob]]);

  it("are objects with the user id in 1.x", () => {
    expect(blocksView(wire("1.1"), ["bob", "eve"], identities)).to.deep.equal([{ user_id: "bob" }, { user_id: "eve" }]);
  });

  it("are identities from 2.0, also of who has none", () => {
    expect(blocksView(wire("2.0"), ["bob", "eve"], identities)).to.deep.equal([
      {
        id: "layer:///identities/bob",
        url: "https://api.example/apps/A/users/bob/identity",
        user_id: "bob",
        display_name: "Bob",
        avatar_url: null,
      },
      {
        id: "layer:///identities/eve",
        url: "https://api.example/apps/A/users/eve/identity",
        user_id: "eve",
        display_name: null,
        avatar_url: null,
      },
    ]);
  });
});

describe("the body of following", () => {
  it("is a list of identities, none twice", () => {
    expect(parseFollowing("3.0", ["layer:///identities/a%2Fb", "c", "layer:///identities/c"])).to.deep.equal([
      "a/b",
      "c",
    ]);
    expect(parseFollowing("2.0", [])).to.deep.equal([]);
  });

  it("is nothing else", () => {
    expect(refusal(() => parseFollowing("3.0", { ids: [] }))).to.equal("invalid_request");
    for (const entry of [7, "", null, "layer:///identities/", "layer:///identities/%zz"]) {
      expect(refusal(() => parseFollowing("3.0", ["a", entry]))).to.equal("invalid_property id");
    }
  });
});

describe("a badge", () => {
  it("is set to what the app counts, an integer of at least 0", () => {
    expect(parseBadge({ external_unread_count: 0 })).to.equal(0);
    expect(refusal(() => parseBadge({}))).to.equal("missing_property external_unread_count");
    for (const count of [-1, 1.5, "4", true, 2 ** 53]) {
      expect(refusal(() => parseBadge({ external_unread_count: count }))).to.equal(
        "invalid_property external_unread_count",
      );
    }
  });

  it("shows all three counts", () => {
    expect(badgeView({ externalUnread: 4, unreadConversations: 2, unreadMessages: 9 })).to.deep.equal({
      external_unread_count: 4,
      unread_conversation_count: 2,
      unread_message_count: 9,
    });
  });
});

describe("a patch of an app", () => {
  it("sets the session TTL, from 30 seconds to a year; the last word counts", () => {
    expect(parseAppPatch([ttl(30)])).to.equal(30);
    expect(parseAppPatch([ttl(30), ttl(31_536_000)])).to.equal(31_536_000);
    expect(parseAppPatch([])).to.equal(null);
    for (const value of [29, 31_536_001, 60.5, "60", null]) {
      expect(refusal(() => parseAppPatch([ttl(value)]))).to.equal("invalid_property session_ttl_in_seconds");
    }
  });

  it("sets nothing else", () => {
    expect(refusal(() => parseAppPatch([{ ...ttl(60), property: "name" }]))).to.equal("invalid_property name");
    expect(refusal(() => parseAppPatch([{ ...ttl(60), operation: "add" }]))).to.equal(
      "invalid_property session_ttl_in_seconds",
    );
    expect(refusal(() => parseAppPatch({}))).to.equal("invalid_request");
  });
});
