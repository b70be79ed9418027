import type { Actor } from "@strata/contracts";
import { expect } from "chai";
import { grantOf, ofMember, refusalOf } from "./token.ts";

describe("token rules", () => {
  const sentAt = new Date(1_000);
  const wanted = {
    tokenId: "7d0e3e0c-7a53-4dd4-9a1c-3f0ad3c9b001",
    accountId: "operator",
    appId: "7d0e3e0c-7a53-4dd4-9a1c-3f0ad3c9b002",
    name: "backend",
    scopes: ["app:read" as const, "app:write" as const],
    expiresAt: null,
    hash: "0".repeat(64),
  };
  const token = { ...wanted, createdAt: 0, revokedAt: null };

  it("let an app's token read and write that app", () => {
    expect(refusalOf(wanted, sentAt)).to.equal(null);
  });

  it("keep account:admin from an app's token", () => {
    const refusal = refusalOf({ ...wanted, scopes: ["app:read", "account:admin"] }, sentAt);
    expect(refusal).to.deep.include({ code: "invalid_property", details: { property: "scopes" } });
  });

  it("let an account's token have any scope", () => {
    const accountWide = { ...wanted, appId: null, scopes: ["app:read", "app:write", "account:admin"] as const };
    expect(refusalOf({ ...accountWide, scopes: [...accountWide.scopes] }, sentAt)).to.equal(null);
  });

  it("refuse an end that had passed when the command was sent, and no other", () => {
    const refusal = refusalOf({ ...wanted, expiresAt: 1_000 }, sentAt);
    expect(refusal).to.deep.include({ code: "invalid_property", details: { property: "expires_at" } });
    expect(refusalOf({ ...wanted, expiresAt: 1_001 }, sentAt)).to.equal(null);
  });

  it("let nobody pass on a scope that she lacks, nor live longer by what she makes", () => {
    const actor = { kind: "token" as const, id: "t", tokenId: "t", expiresAt: 5_000, address: "::1", userAgent: null };
    const asked = (scopes: Actor["scopes"], expiresAt: number | null) =>
      refusalOf({ ...wanted, expiresAt, actor: { ...actor, scopes } }, sentAt)?.details;
    expect(asked(["account:write"], 5_000)).to.equal(undefined);
    expect(asked(["app:read", "app:write"], 5_000)).to.equal(undefined);
    expect(asked(["app:read"], 5_000)).to.deep.equal({ property: "scopes" });
    expect(asked(["account:read"], 5_000)).to.deep.equal({ property: "scopes" });
    expect(asked(["account:admin"], 5_001)).to.deep.equal({ property: "expires_at" });
    expect(asked(["account:admin"], null)).to.deep.equal({ property: "expires_at" });
    const ofAccount = { ...wanted, appId: null, scopes: ["account:admin" as const], expiresAt: 5_000 };
    expect(refusalOf({ ...ofAccount, actor: { ...actor, scopes: ["account:write"] } }, sentAt)).to.have.property(
      "code",
    );
  });

  it("let a member give for longer than her token lives, and no scope that she lacks", () => {
    const her = { kind: "member" as const, id: "m", tokenId: "t", expiresAt: 5_000, address: "::1", userAgent: null };
    const asked = (scopes: Actor["scopes"], expiresAt: number | null) =>
      refusalOf({ ...wanted, expiresAt, actor: { ...her, scopes } }, sentAt)?.details;
    expect(asked(["account:write"], null)).to.equal(undefined);
    expect(asked(["account:write"], 9_000)).to.equal(undefined);
    expect(asked(["account:read"], 5_000)).to.deep.equal({ property: "scopes" });
  });

  it("grant what a member is, whatever her token said, and nothing once she is none", () => {
    const hers = { ...token, appId: null, memberId: "m", scopes: ["account:admin" as const] };
    const as = (role: "viewer" | "owner") => grantOf(ofMember(hers, { role }), 5)?.scopes;
    expect(as("viewer")).to.deep.equal(["account:read"]);
    expect(as("owner")).to.deep.equal(["account:admin"]);
    expect(grantOf(ofMember(hers, null), 5)).to.equal(null);
    expect(ofMember(token, null)).to.deep.equal(token);
  });

  it("grant what a token says, and nothing that only its owner sees", () => {
    const { tokenId, accountId, appId, scopes, expiresAt } = token;
    expect(grantOf(token, 5)).to.deep.equal({ tokenId, accountId, appId, scopes, expiresAt });
  });

  it("grant nothing once a token is revoked", () => {
    expect(grantOf({ ...token, revokedAt: 4 }, 5)).to.equal(null);
  });

  it("grant nothing from the moment a token expires", () => {
    expect(grantOf({ ...token, expiresAt: 6 }, 5)).not.to.equal(null);
    expect(grantOf({ ...token, expiresAt: 6 }, 6)).to.equal(null);
  });
});
