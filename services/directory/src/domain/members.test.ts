import type { AccountRole } from "@strata/contracts";
import { expect } from "chai";
import { type KnownMember, type MemberAct, memberEntry, membersAfter, takesLastOwner } from "./members.ts";

const aMember = (memberId: string, role: AccountRole, changes: Partial<KnownMember> = {}): KnownMember => ({
  memberId,
  accountId: "shop",
  email: `${memberId}@example.com`,
  name: null,
  role,
  state: "active",
  invitedAt: 0,
  joinedAt: 1,
  changedAt: 1,
  invitationExpiresAt: null,
  codeHash: "0".repeat(64),
  ...changes,
});

describe("the rules of an account's members", () => {
  const [ann, bob] = [aMember("ann", "owner"), aMember("bob", "developer")];
  const removal: MemberAct = { before: ann, after: null };
  const lowering: MemberAct = { before: ann, after: { ...ann, role: "viewer" } };

  it("tell the last owner, who has joined, from any other", () => {
    const invited = aMember("eve", "owner", { state: "invited" });
    for (const act of [removal, lowering]) {
      expect(takesLastOwner([ann, bob, invited], act)).to.equal(true);
      expect(takesLastOwner([ann, bob, aMember("eve", "owner")], act)).to.equal(false);
    }
    expect(takesLastOwner([ann, bob], { before: ann, after: { ...ann, name: "Ann" } })).to.equal(false);
    expect(takesLastOwner([ann, bob], { before: bob, after: null })).to.equal(false);
    expect(takesLastOwner([invited], { before: invited, after: null })).to.equal(false);
    expect(takesLastOwner([], { before: null, after: ann })).to.equal(false);
  });

  it("leave every other member where she was", () => {
    const changed = { ...bob, role: "viewer" as const };
    const [cid, eve] = [aMember("cid", "viewer"), aMember("eve", "viewer")];
    expect(membersAfter([ann, bob, cid], { before: bob, after: changed })).to.deep.equal([ann, changed, cid]);
    expect(membersAfter([ann, bob, cid], { before: bob, after: null })).to.deep.equal([ann, cid]);
    expect(membersAfter([ann], { before: null, after: eve })).to.deep.equal([ann, eve]);
  });

  it("say of a change what is another, of an invitation and a removal all, and never a code", () => {
    expect(memberEntry("member.changed", lowering)).to.deep.include({
      before: { role: "owner" },
      after: { role: "viewer" },
    });
    const all = { email: "ann@example.com", name: null, role: "owner", state: "active", invitationExpiresAt: null };
    expect(memberEntry("member.removed", removal)).to.deep.include({ before: all, after: null });
    const invited = memberEntry("member.invited", { before: null, after: ann });
    expect(invited).to.deep.include({ before: null, after: all, subject: { kind: "member", id: "ann" } });
    expect(JSON.stringify(invited)).not.to.include(ann.codeHash);
  });
});
