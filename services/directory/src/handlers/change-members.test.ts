import { randomUUID } from "node:crypto";
import {
  type AccountRole,
  type Actor,
  createInvitationCode,
  createToken,
  type Scope,
  scopeOfRole,
  tokenHash,
} from "@strata/contracts";
import { expect } from "chai";
import { aDelivery, afterFailedPublish, openStores, recordingPublisher } from "../../test/support.ts";
import { acceptInvitation } from "./accept-invitation.ts";
import { authenticateToken } from "./authenticate-token.ts";
import { changeMember, removeMember } from "./change-member.ts";
import { inviteMember, renewInvitation } from "./invite-member.ts";
import { listTokens } from "./list-tokens.ts";
import { rotateToken } from "./rotate-token.ts";

const DAY = 86_400_000;
const AT = 1_000_000;
const origin = { address: "198.51.100.7", userAgent: null };

const anActor = (scope: Scope = "account:admin"): Actor => {
  const id = randomUUID();
  return { kind: "token", id, tokenId: id, scopes: [scope], expiresAt: null, ...origin };
};

const anInvitation = (accountId: string, role: AccountRole = "developer", changes: object = {}, at = AT) => {
  const code = createInvitationCode();
  const memberId = randomUUID();
  const wanted = { accountId, memberId, email: `${memberId}@example.com`, name: "Ann", role };
  const payload = { ...wanted, codeHash: tokenHash(code), actor: anActor(), ...changes };
  return { code, memberId, delivery: aDelivery(payload, { sentAt: new Date(at) }) };
};

const anAcceptance = (code: string, at = AT + 1) => {
  const text = createToken();
  const payload = { codeHash: tokenHash(code), tokenId: randomUUID(), hash: tokenHash(text), origin };
  return aDelivery(payload, { sentAt: new Date(at) });
};

describe("members of an account", () => {
  let stores: Awaited<ReturnType<typeof openStores>>;
  before(async () => {
    stores = await openStores("members");
  });
  after(() => stores[Symbol.asyncDispose]());

  const anAccount = async (): Promise<string> => {
    const accountId = randomUUID();
    await stores.accounts.ensure({ _id: accountId, name: "Shop", createdAt: 0 });
    return accountId;
  };
  /** Somebody who has joined, with her token. */
  const aMember = async (accountId: string, role: AccountRole = "developer") => {
    const { code, memberId, delivery } = anInvitation(accountId, role, {}, Date.now());
    expect(await inviteMember(stores)(delivery)).to.have.property("kind", "reply");
    const acceptance = anAcceptance(code, Date.now());
    expect(await acceptInvitation(stores)(acceptance)).to.have.property("kind", "reply");
    const { hash, tokenId } = acceptance.payload;
    const actor: Actor = { ...anActor(scopeOfRole(role)), kind: "member", id: memberId, tokenId };
    return { memberId, hash, tokenId, actor };
  };
  const grantOf = async (hash: string) => {
    const outcome = await authenticateToken(stores)(aDelivery({ hash }));
    if (outcome.kind !== "reply") throw new Error(`no reply but ${outcome.kind}`);
    return outcome.reply.grant;
  };
  const rolesIn = async (accountId: string) =>
    (await stores.memberships.find(accountId)).members.map(({ role }) => role);
  const log = async (accountId: string) =>
    ((await stores.audit.list({ accountId, after: null, limit: 100 })) ?? []).toReversed();
  const silent = () => ({ ...stores, ...recordingPublisher() });

  it("are invited once, however often the command comes, for seven days", async () => {
    const accountId = await anAccount();
    const { delivery, memberId } = anInvitation(accountId);
    const first = await inviteMember(stores)(delivery);
    expect(await inviteMember(stores)(delivery)).to.deep.equal(first);
    expect(first)
      .to.have.property("reply")
      .that.includes({ memberId, state: "invited", invitationExpiresAt: AT + 7 * DAY });
    expect(first).not.to.have.nested.property("reply.codeHash");
    const entries = await log(accountId);
    expect(entries.map(({ action }) => action)).to.deep.equal(["member.invited"]);
    expect(JSON.stringify(entries)).not.to.include(delivery.payload.codeHash);
  });

  it("have one e-mail address each, however it is written, and however many invite at once", async () => {
    const accountId = await anAccount();
    const emails = ["Ann@Example.com", "ann@example.com", "ANN@EXAMPLE.COM"];
    const outcomes = await Promise.all(
      emails.map((email) => inviteMember(stores)(anInvitation(accountId, "viewer", { email }).delivery)),
    );
    expect(outcomes.map(({ kind }) => kind)).to.have.members(["reply", "refuse", "refuse"]);
    const refused = outcomes.find(({ kind }) => kind === "refuse");
    expect(refused).to.have.nested.property("error.code", "conflict");
    expect(refused).to.have.nested.property("error.details.member.state", "invited");
    expect(await rolesIn(accountId)).to.deep.equal(["viewer"]);
  });

  it("come in by a code once, of several who use it at once, and are told again when the command comes again", async () => {
    const accountId = await anAccount();
    const { code, memberId, delivery } = anInvitation(accountId);
    await inviteMember(stores)(delivery);
    const acceptances = [anAcceptance(code), anAcceptance(code), anAcceptance(code)];
    const outcomes = await Promise.all(acceptances.map((acceptance) => acceptInvitation(stores)(acceptance)));
    expect(outcomes.map(({ kind }) => kind)).to.have.members(["reply", "refuse", "refuse"]);
    const won = outcomes.findIndex(({ kind }) => kind === "reply");
    const [outcome, acceptance] = [outcomes[won], acceptances[won]];
    if (!acceptance) throw new Error("nobody came in");
    expect(outcome)
      .to.have.nested.property("reply.token")
      .that.deep.includes({
        memberId,
        scopes: ["account:write"],
        expiresAt: AT + 1 + 30 * DAY,
      });
    expect(await acceptInvitation(stores)(acceptance)).to.deep.equal(outcome);
    const tokens = await stores.tokens.list(accountId, undefined, Date.now());
    expect(tokens.map(({ tokenId }) => tokenId)).to.deep.equal([acceptance.payload.tokenId]);
    const [, entry, ...others] = await log(accountId);
    expect(others).to.deep.equal([]);
    expect(entry).to.deep.nested.include({ action: "member.joined", "actor.kind": "member", "actor.id": memberId });
  });

  it("come in also where the process died between the code and the token", async () => {
    const accountId = await anAccount();
    const { code, memberId, delivery } = anInvitation(accountId);
    await inviteMember(stores)(delivery);
    const tokens = { ...stores.tokens, insertOrFind: () => Promise.reject(new Error("the process died")) };
    const acceptance = anAcceptance(code);
    const died = await acceptInvitation({ ...stores, tokens })(acceptance).catch((error: unknown) => error);
    expect(died).to.be.instanceOf(Error);
    const another = await acceptInvitation(stores)(anAcceptance(code));
    expect(another).to.have.nested.property("error.details.property", "code");
    expect(await acceptInvitation(stores)(acceptance)).to.have.nested.property("reply.token.memberId", memberId);
    expect((await log(accountId)).map(({ action }) => action)).to.deep.equal(["member.invited", "member.joined"]);
  });

  it("do not come in by a code that is over, was renewed, or whose member is removed", async () => {
    const accountId = await anAccount();
    const late = anInvitation(accountId);
    const again = anInvitation(accountId);
    const gone = anInvitation(accountId);
    for (const { delivery } of [late, again, gone]) await inviteMember(stores)(delivery);
    const { memberId, delivery } = again;
    const code = createInvitationCode();
    const renewal = { accountId, memberId, codeHash: tokenHash(code), actor: delivery.payload.actor };
    await renewInvitation(stores)(aDelivery(renewal, { sentAt: new Date(AT) }));
    await removeMember(silent())(aDelivery({ accountId, memberId: gone.memberId, actor: anActor() }));
    for (const acceptance of [
      anAcceptance(late.code, AT + 7 * DAY),
      anAcceptance(again.code),
      anAcceptance(gone.code),
      anAcceptance(createInvitationCode()),
    ]) {
      const outcome = await acceptInvitation(stores)(acceptance);
      expect(outcome).to.deep.nested.include({ "error.code": "invalid_property", "error.details.property": "code" });
    }
    expect(await acceptInvitation(stores)(anAcceptance(code))).to.have.nested.property(
      "reply.member.memberId",
      memberId,
    );
    expect(await acceptInvitation(stores)(anAcceptance(late.code, AT + 7 * DAY - 1))).to.have.property("kind", "reply");
  });

  it("give, change and take no role that they have not themselves", async () => {
    const accountId = await anAccount();
    const owner = await aMember(accountId, "owner");
    const developer = await aMember(accountId);
    const viewer = await aMember(accountId, "viewer");
    const { actor } = developer;
    const change = (memberId: string, wanted: object) =>
      changeMember(silent())(aDelivery({ accountId, memberId, actor, ...wanted }));
    for (const refused of [
      await inviteMember(stores)(anInvitation(accountId, "owner", { actor }).delivery),
      await change(owner.memberId, { role: "viewer" }),
      await change(owner.memberId, { name: "x" }),
      await change(viewer.memberId, { role: "owner" }),
      await change(developer.memberId, { role: "owner" }),
      await removeMember(silent())(aDelivery({ accountId, memberId: owner.memberId, actor })),
      // With her code he would act as she does.
      await renewInvitation(stores)(
        aDelivery({ accountId, memberId: viewer.memberId, codeHash: tokenHash(createInvitationCode()), actor }),
      ),
    ]) {
      expect(refused).to.have.nested.property("error.code", "access_denied");
    }
    expect(await rolesIn(accountId)).to.deep.equal(["owner", "developer", "viewer"]);
    expect(await change(viewer.memberId, { role: "developer" })).to.have.nested.property("reply.role", "developer");
  });

  it("come in with more than they were invited to by a code of who may give that, and by none from before", async () => {
    const accountId = await anAccount();
    const { actor } = await aMember(accountId);
    const { code, memberId, delivery } = anInvitation(accountId, "viewer", { actor });
    await inviteMember(stores)(delivery);
    const raise = (role: AccountRole) =>
      changeMember(silent())(aDelivery({ accountId, memberId, role, actor: anActor() }, { sentAt: new Date(AT + 5) }));
    expect(await raise("owner")).to.have.nested.property("reply.invitationExpiresAt", AT + 5);
    // Also where the clock of who accepts is behind that of who raised her.
    for (const at of [AT + 1, AT + 6]) {
      const outcome = await acceptInvitation(stores)(anAcceptance(code, at));
      expect(outcome).to.have.nested.property("error.details.property", "code");
    }
    const renew = (by: Actor, text: string) =>
      renewInvitation(stores)(
        aDelivery({ accountId, memberId, codeHash: tokenHash(text), actor: by }, { sentAt: new Date(AT + 7) }),
      );
    expect(await renew(actor, createInvitationCode())).to.have.nested.property("error.code", "access_denied");
    const another = createInvitationCode();
    await renew(anActor(), another);
    const accepted = await acceptInvitation(stores)(anAcceptance(another, AT + 8));
    expect(accepted).to.have.nested.property("reply.member.role", "owner");
  });

  it("come in with less than they were invited to by the code they have", async () => {
    const accountId = await anAccount();
    const { code, memberId, delivery } = anInvitation(accountId, "owner");
    await inviteMember(stores)(delivery);
    await changeMember(silent())(aDelivery({ accountId, memberId, role: "viewer", name: "Eve", actor: anActor() }));
    const accepted = await acceptInvitation(stores)(anAcceptance(code));
    expect(accepted).to.have.nested.property("reply.member.role", "viewer");
  });

  it("have tokens that grant what their role is, from the moment it is another, also where the process died", async () => {
    const accountId = await anAccount();
    const { memberId, hash, tokenId } = await aMember(accountId);
    expect(await grantOf(hash)).to.deep.include({ scopes: ["account:write"], memberId });
    const lowered = aDelivery({ accountId, memberId, role: "viewer" as const, actor: anActor() });
    const { outcome, events } = await afterFailedPublish(stores, changeMember, lowered);
    expect(outcome).to.have.nested.property("reply.role", "viewer");
    expect(await grantOf(hash)).to.deep.include({ scopes: ["account:read"] });
    expect(events.map(({ type, payload }) => ({ type, payload }))).to.deep.equal([
      { type: "directory.token.changed.v1", payload: { tokenId, hash } },
    ]);
    const listed = await listTokens(stores)(aDelivery({ accountId }));
    expect(listed).to.deep.nested.include({ "reply.tokens[0].scopes": ["account:read"] });
    const entry = (await log(accountId)).at(-1);
    expect(entry).to.deep.include({
      action: "member.changed",
      before: { role: "developer" },
      after: { role: "viewer" },
    });
    expect((await log(accountId)).filter(({ action }) => action === "member.changed")).to.have.lengthOf(1);
  });

  it("have no tokens any more once they are removed, also where the process died", async () => {
    const accountId = await anAccount();
    const { memberId, hash, tokenId } = await aMember(accountId);
    const removal = aDelivery({ accountId, memberId, actor: anActor() });
    const { outcome, events } = await afterFailedPublish(stores, removeMember, removal);
    expect(outcome).to.deep.equal({ kind: "ack" });
    expect(await grantOf(hash)).to.equal(null);
    expect(events.map(({ type, payload }) => ({ type, payload }))).to.deep.equal([
      { type: "directory.token.revoked.v1", payload: { tokenId, hash } },
    ]);
    const again = await removeMember(silent())(aDelivery({ accountId, memberId, actor: anActor() }));
    expect(again).to.have.nested.property("error.code", "not_found");
    const reused = await inviteMember(stores)(anInvitation(accountId, "owner", { memberId }).delivery);
    expect(reused).to.have.nested.property("error.code", "id_in_use");
  });

  it("grant nothing by a token that is made while its member is removed", async () => {
    const accountId = await anAccount();
    const { memberId, tokenId, actor } = await aMember(accountId);
    const hash = tokenHash(createToken());
    const rotation = { tokenId, accountId, newTokenId: randomUUID(), hash, overlapMs: 0, actor };
    // As it is in a directory that has looked at her membership just before.
    const { members } = await stores.memberships.find(accountId);
    await removeMember(silent())(aDelivery({ accountId, memberId, actor: anActor() }));
    const grant = { accountId, appId: null, scopes: ["account:write" as const], memberId };
    const times = { expiresAt: null, createdAt: 0, revokedAt: null };
    const made = { tokenId: rotation.newTokenId, name: "x", hash, version: 1, ...grant, ...times };
    await stores.tokens.insertOrFind(made, "test");
    expect(members).to.have.lengthOf(1);
    expect(await grantOf(hash)).to.equal(null);
    const refused = await rotateToken(silent())(aDelivery(rotation));
    expect(refused).to.have.nested.property("error.code", "invalid_operation");
  });

  it("never displace another's tokens in the account's list, however many they had", async () => {
    const accountId = await anAccount();
    const memberId = randomUUID();
    const grant = { accountId, appId: null, scopes: ["account:read" as const], expiresAt: null };
    const row = (n: number, hers: boolean) => {
      const tokenId = randomUUID();
      const times = { createdAt: n, revokedAt: null };
      const token = { tokenId, name: "x", hash: tokenHash(tokenId), version: 1, by: "test", ...grant, ...times };
      return { _id: `${accountId}/${tokenId}`, ...token, ...(hers ? { memberId } : {}) };
    };
    const others = [row(3, false), row(2, false)];
    const rows = [...Array.from({ length: 2_100 }, (_, n) => row(1_000 + n, true)), ...others];
    await stores.db.collection<{ _id: string }>("tokens").insertMany(rows);
    const listed = await stores.tokens.list(accountId, undefined, Date.now());
    expect(listed).to.have.lengthOf(2_002);
    expect(listed.slice(-2).map(({ tokenId }) => tokenId)).to.deep.equal(others.map(({ tokenId }) => tokenId));
    expect(listed[0]).to.include({ createdAt: 3_099 });
  });

  it("rotate their own tokens, for thirty days more, and nobody does it for them", async () => {
    const accountId = await anAccount();
    const { memberId, tokenId, actor } = await aMember(accountId, "viewer");
    const rotation = (by: Actor, expiresAt?: number | null) =>
      aDelivery({
        tokenId,
        accountId,
        newTokenId: randomUUID(),
        hash: tokenHash(createToken()),
        overlapMs: 0,
        actor: by,
        ...(expiresAt === undefined ? {} : { expiresAt }),
      });
    expect(await rotateToken(silent())(rotation(anActor()))).to.have.nested.property("error.code", "access_denied");
    const tooLong = await rotateToken(silent())(rotation(actor, Date.now() + 31 * DAY));
    expect(tooLong).to.have.nested.property("error.details.property", "expires_at");
    const own = rotation({ ...actor, expiresAt: Date.now() + DAY });
    const rotated = await rotateToken(silent())(own);
    const expiresAt = own.sentAt.getTime() + 30 * DAY;
    expect(rotated)
      .to.have.property("reply")
      .that.deep.includes({ memberId, expiresAt, scopes: ["account:read"] });
    expect(await grantOf(own.payload.hash)).to.include({ memberId });
  });

  it("keep one who administers the account, of two owners who are removed and lowered at once", async () => {
    for (let time = 0; time < 5; time += 1) {
      const accountId = await anAccount();
      const [ann, bob] = [await aMember(accountId, "owner"), await aMember(accountId, "owner")];
      const actor = anActor();
      const lowered = { accountId, memberId: ann.memberId, role: "viewer" as const, actor };
      const outcomes = await Promise.all([
        removeMember(silent())(aDelivery({ accountId, memberId: bob.memberId, actor })),
        changeMember(silent())(aDelivery(lowered)),
      ]);
      const refused = outcomes.filter(({ kind }) => kind === "refuse");
      expect(refused).to.have.lengthOf(1);
      expect(refused[0]).to.have.nested.property("error.code", "invalid_operation");
      expect((await rolesIn(accountId)).filter((role) => role === "owner")).to.have.lengthOf(1);
    }
  });

  it("do nothing by a role that was taken from them meanwhile, of two owners who remove each other at once", async () => {
    for (let time = 0; time < 5; time += 1) {
      const accountId = await anAccount();
      const [ann, bob] = [await aMember(accountId, "owner"), await aMember(accountId, "owner")];
      await aMember(accountId, "owner");
      const outcomes = await Promise.all([
        removeMember(silent())(aDelivery({ accountId, memberId: bob.memberId, actor: ann.actor })),
        removeMember(silent())(aDelivery({ accountId, memberId: ann.memberId, actor: bob.actor })),
      ]);
      const refused = outcomes.filter(({ kind }) => kind === "refuse");
      expect(refused).to.have.lengthOf(1);
      expect(refused[0]).to.have.nested.property("error.code", "access_denied");
      expect(await rolesIn(accountId)).to.deep.equal(["owner", "owner"]);
    }
  });

  it("may all go where a token administers the account, and not for one that has ended or is a member's", async () => {
    const accountId = await anAccount();
    const { memberId } = await aMember(accountId, "owner");
    const remove = () => removeMember(silent())(aDelivery({ accountId, memberId, actor: anActor() }));
    const add = (changes: object) => {
      const grant = { accountId, appId: null, scopes: ["account:admin" as const], expiresAt: null };
      const token = { tokenId: randomUUID(), name: "x", createdAt: 0, revokedAt: null, version: 1, ...grant };
      return stores.tokens.insertOrFind({ ...token, hash: tokenHash(createToken()), ...changes }, "test");
    };
    for (const changes of [
      { revokedAt: 5 },
      { expiresAt: 5 },
      { scopes: ["account:write"] },
      { memberId: randomUUID() },
    ]) {
      await add(changes);
      expect(await remove(), JSON.stringify(changes)).to.have.nested.property("error.code", "invalid_operation");
    }
    await add({});
    expect(await remove()).to.deep.equal({ kind: "ack" });
  });
});
