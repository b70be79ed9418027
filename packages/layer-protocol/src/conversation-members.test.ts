import { expect } from "chai";
import { memberView, parseBan, parseMemberFilter, parseMute, parseRoles } from "./conversation-members.ts";
import { LayerError } from "./layer-error.ts";
import type { WireContext } from "./urls.ts";

const NOW = Date.parse("2026-12-01T09:00:00Z");
const MINUTE = 60_000;

const propertyOf = (parse: () => unknown): unknown => {
  try {
    return JSON.stringify(parse());
  } catch (error) {
    if (error instanceof LayerError) return Object(error.data)["property"];
    throw error;
  }
};

describe("members of a conversation on the wire", () => {
  it("end at a moment, after a while, or not by themselves", () => {
    const forever = { reason: null };
    for (const body of [undefined, {}, { reason: null, muted_until: null, expires_at: null, duration_seconds: null }]) {
      expect(parseMute(body, NOW)).to.deep.equal({ ...forever, until: null });
      expect(parseBan(body, NOW)).to.deep.equal({ ...forever, expiresAt: null });
    }
    expect(parseMute({ duration_seconds: 60, reason: "spam" }, NOW)).to.deep.equal({
      until: NOW + MINUTE,
      reason: "spam",
    });
    expect(parseBan({ expires_at: "2026-12-01T11:00:00+01:00" }, NOW)).to.deep.equal({
      ...forever,
      expiresAt: NOW + 60 * MINUTE,
    });
    // The other's word is an unknown field.
    expect(parseBan({ muted_until: "never" }, NOW)).to.deep.equal({ ...forever, expiresAt: null });
  });

  it("name the property that is wrong", () => {
    const wrong: readonly [() => unknown, string][] = [
      [() => parseMute({ muted_until: "2026-12-01T09:00:00Z" }, NOW), "muted_until"],
      [() => parseMute({ duration_seconds: 400 * 86_400 + 1 }, NOW), "duration_seconds"],
      [() => parseBan({ expires_at: "2026-12-02T09:00:00Z", duration_seconds: 1 }, NOW), "duration_seconds"],
      [() => parseBan({ reason: "\ud800" }, NOW), "reason"],
      [() => parseMemberFilter({ role: ["owner", "member"] }), "role"],
      [() => parseMemberFilter({ muted: "1" }), "muted"],
    ];
    for (const [parse, property] of wrong) expect(propertyOf(parse)).to.equal(property);
  });

  it("have roles by URI or id, as the version has it, once each", () => {
    const roles = { "layer:///identities/a%20b": "owner", "a b": "moderator", c: "read-only" };
    expect(parseRoles("3.0", roles, ["a b", "c"])).to.deep.equal([
      { userId: "a b", role: "moderator" },
      { userId: "c", role: "read-only" },
    ]);
    expect(parseRoles("3.0", undefined, ["c"])).to.deep.equal([]);
    // In 1.x a URI is an id like any other.
    const uri = "layer:///identities/c";
    expect(propertyOf(() => parseRoles("1.0", { [uri]: "owner" }, ["c"]))).to.equal(`roles.${uri}`);
  });

  it("are found again below the conversation as its viewer has it", () => {
    const wire: WireContext = { version: "1.0", baseUrl: "https://api.example.com", appId: "app" };
    const member = { userId: "a/b", role: "member", mute: null } as const;
    const shown = { conversationId: "c1", profiles: new Map() };
    const urls = [null, "ann"].map((viewer) => memberView(wire, member, { ...shown, viewer }).url);
    expect(urls).to.deep.equal([
      "https://api.example.com/apps/app/conversations/c1/members/a%2Fb",
      "https://api.example.com/apps/app/users/ann/conversations/c1/members/a%2Fb",
    ]);
    const own = memberView({ ...wire, isClientApi: true }, member, { ...shown, viewer: "ann" });
    expect(own).to.deep.equal({
      url: "https://api.example.com/conversations/c1/members/a%2Fb",
      participant: "a/b",
      role: "member",
      mute: null,
    });
  });
});
