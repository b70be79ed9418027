import { expect } from "chai";
import { refusal } from "../test/refusal.ts";
import { guestInviteView, inviteView, parseInvite, parseInvited } from "./invites.ts";

const reading = { version: "3.0", now: 1_000, maxMetadataBytes: 100, actor: null } as const;
const wire = { version: "3.0", baseUrl: "https://x", appId: "a" } as const;

describe("invites on the wire", () => {
  it("are for one user, or a code that so many may use", () => {
    expect(
      parseInvite({ user_id: "layer:///identities/bob", inviter_id: "ann", ttl_seconds: 2 }, reading),
    ).to.deep.equal({ to: { userId: "bob" }, inviter: "ann", metadata: {}, expiresAt: 3_000 });
    expect(parseInvite({ max_uses: 5, metadata: { a: "b" } }, { ...reading, actor: "ann" })).to.deep.equal({
      to: { maxUses: 5 },
      inviter: "ann",
      metadata: { a: "b" },
      expiresAt: null,
    });
    expect(parseInvite({ user_id: "bob" }, { ...reading, version: "1.1" }).to).to.deep.equal({ userId: "bob" });
  });

  it("are refused in another user's name, and beyond what can be stored", () => {
    const hers = { ...reading, actor: "ann" };
    expect(refusal(() => parseInvite({ user_id: "bob", inviter_id: "cem" }, hers))).to.equal(
      "invalid_property inviter_id",
    );
    expect(refusal(() => parseInvite({ max_uses: 1, metadata: { a: "x".repeat(100) } }, reading))).to.equal(
      "invalid_property metadata",
    );
    expect(refusal(() => parseInvite([], reading))).to.equal("invalid_request");
  });

  it("with a conversation are named once each, within its size, and not where it is distinct", () => {
    expect(parseInvited("3.0", { invites: ["a", "layer:///identities/a", "b"] }, 3)).to.deep.equal(["a", "b"]);
    expect(parseInvited("3.0", { invites: null }, 3)).to.deep.equal([]);
    expect(refusal(() => parseInvited("3.0", { invites: ["a", "b"] }, 1))).to.equal("invalid_property invites");
    expect(refusal(() => parseInvited("3.0", { invites: ["a", 7] }, 3))).to.equal("invalid_property invites.1");
    expect(refusal(() => parseInvited("3.0", { invites: ["a"], distinct: true }, 3))).to.equal(
      "invalid_property invites",
    );
  });

  it("show who is invited neither the code nor who came by it", () => {
    const facts = {
      inviteId: "i",
      conversationId: "c",
      userId: null,
      code: "secret",
      maxUses: 2,
      uses: [{ userId: "bob", at: 5 }],
      inviter: null,
      metadata: {},
      createdAt: 0,
      expiresAt: 9,
      state: "pending",
    } as const;
    const seen = guestInviteView(wire, "cem", facts);
    expect(JSON.stringify(seen)).not.to.match(/secret|bob/);
    expect(seen["url"]).to.equal("https://x/apps/a/users/cem/invites/i");
    expect(inviteView(wire, null, facts)).to.deep.include({
      url: "https://x/apps/a/conversations/c/invites/i",
      code: "secret",
      max_uses: 2,
      uses: [{ user_id: "layer:///identities/bob", used_at: "1970-01-01T00:00:00.005Z" }],
      expires_at: "1970-01-01T00:00:00.009Z",
    });
    const own = inviteView({ ...wire, isClientApi: true }, "ann", facts);
    expect(own["url"]).to.equal("https://x/conversations/c/invites/i");
  });
});
