import { randomUUID } from "node:crypto";
import { type Actor, createToken as newToken, NO_APP, OPERATOR, tokenHash } from "@strata/contracts";
import { anAppId } from "@strata/testing";
import { expect } from "chai";
import { aDelivery, openStores, recordingPublisher } from "../../test/support.ts";
import type { KnownToken } from "../domain/token.ts";
import { authenticateToken } from "./authenticate-token.ts";
import { changeMember, removeMember } from "./change-member.ts";
import { revokeToken } from "./revoke-token.ts";

const origin = { address: "198.51.100.7", userAgent: null };
const actor: Actor = { kind: "token", id: "t", tokenId: "t", scopes: ["account:admin"], expiresAt: null, ...origin };

describe("revokeToken", () => {
  let stores: Awaited<ReturnType<typeof openStores>>;
  before(async () => {
    stores = await openStores("revoke-token");
  });
  after(() => stores[Symbol.asyncDispose]());

  const aToken = async (appId: string | null, changes: Partial<KnownToken> = {}) => {
    const token: KnownToken = {
      tokenId: randomUUID(),
      accountId: OPERATOR,
      appId,
      name: "backend",
      scopes: ["app:read"],
      expiresAt: null,
      createdAt: 0,
      revokedAt: null,
      hash: tokenHash(newToken()),
      version: 1,
      ...changes,
    };
    await stores.tokens.insertOrFind(token, "test");
    return token;
  };
  const anAdmin = (accountId: string, changes: Partial<KnownToken> = {}) =>
    aToken(null, { accountId, scopes: ["account:admin"], ...changes });
  /** An owner who has joined, with her token. */
  const anOwner = async (accountId: string, changes: Partial<KnownToken> = {}) => {
    const memberId = randomUUID();
    const facts = { accountId, memberId, email: `${memberId}@example.com`, name: null, role: "owner" as const };
    const times = { invitedAt: 0, joinedAt: 0, changedAt: 0, invitationExpiresAt: null };
    const after = { ...facts, state: "active" as const, ...times, codeHash: tokenHash(newToken()) };
    const act = { before: null, after };
    await stores.memberships.apply(accountId, await stores.memberships.find(accountId), act, randomUUID());
    return anAdmin(accountId, { memberId, ...changes });
  };
  const silent = () => ({ ...stores, ...recordingPublisher() });
  const revoking = ({ accountId, tokenId }: KnownToken) => revokeToken(silent())(aDelivery({ tokenId, accountId }));
  const isLive = async ({ hash }: KnownToken) => (await grantFor(hash)) !== null;
  const grantFor = async (hash: string) => {
    const outcome = await authenticateToken(stores)(aDelivery({ hash }));
    return outcome.kind === "reply" ? outcome.reply.grant : outcome;
  };

  it("takes away what the token granted, and tells every gateway under its app", async () => {
    const { events, publisher } = recordingPublisher();
    const { tokenId, hash, appId } = await aToken(anAppId());
    expect(await grantFor(hash)).to.deep.include({ tokenId, appId, scopes: ["app:read"] });

    const outcome = await revokeToken({ ...stores, publisher })(aDelivery({ tokenId, accountId: OPERATOR }));
    expect(outcome).to.deep.equal({ kind: "ack" });
    expect(await grantFor(hash)).to.equal(null);
    expect(events).to.have.lengthOf(1);
    expect(events[0]).to.deep.include({ type: "directory.token.revoked.v1", app: appId, payload: { tokenId, hash } });
  });

  it("tells of an account's token under no app", async () => {
    const { events, publisher } = recordingPublisher();
    const { tokenId } = await aToken(null);
    await revokeToken({ ...stores, publisher })(aDelivery({ tokenId, accountId: OPERATOR }));
    expect(events[0]).to.have.property("app", NO_APP);
  });

  it("tells again when asked again, and keeps the first moment", async () => {
    const { events, publisher } = recordingPublisher();
    const { tokenId, hash } = await aToken(null);
    await stores.tokens.revoke(OPERATOR, tokenId, 5, "test");
    await revokeToken({ ...stores, publisher })(aDelivery({ tokenId, accountId: OPERATOR }));
    expect(await stores.tokens.findByHash(hash)).to.deep.include({ revokedAt: 5, version: 2 });
    expect(events).to.have.lengthOf(1);
  });

  it("does not reach another account's token", async () => {
    const { events, publisher } = recordingPublisher();
    const { tokenId, hash } = await aToken(null);
    const outcome = await revokeToken({ ...stores, publisher })(aDelivery({ tokenId, accountId: "other" }));
    expect(outcome).to.have.nested.property("error.code", "not_found");
    expect(await grantFor(hash)).not.to.equal(null);
    expect(events).to.deep.equal([]);
  });

  it("leaves the last token by which an account is administered, whosever it is, until there is another", async () => {
    for (const aLast of [anAdmin, anOwner]) {
      const accountId = randomUUID();
      const last = await aLast(accountId);
      for (const useless of [{ revokedAt: 5 }, { expiresAt: 5 }, { scopes: ["account:write" as const] }]) {
        await anAdmin(accountId, useless);
      }
      await anOwner(accountId, { expiresAt: 5 });
      await aToken(null, { accountId, memberId: randomUUID(), scopes: ["account:admin"] });
      await anAdmin(randomUUID());
      const refused = await revoking(last);
      expect(refused).to.deep.nested.include({
        "error.code": "invalid_operation",
        "error.details.property": "token_id",
      });
      expect(await isLive(last)).to.equal(true);
      const other = await anAdmin(accountId);
      expect(await revoking(last)).to.deep.equal({ kind: "ack" });
      expect(await revoking(last), "again").to.deep.equal({ kind: "ack" });
      expect(await revoking(other)).to.have.nested.property("error.code", "invalid_operation");
      await anOwner(accountId);
      expect(await revoking(other)).to.deep.equal({ kind: "ack" });
    }
  });

  it("leaves one of several by which an account is administered that are all revoked at once", async () => {
    for (let time = 0; time < 5; time += 1) {
      const accountId = randomUUID();
      const admins = [await anAdmin(accountId), await anOwner(accountId), await anAdmin(accountId)];
      const outcomes = await Promise.all(admins.map(revoking));
      expect(outcomes.map(({ kind }) => kind)).to.have.members(["ack", "ack", "refuse"]);
      expect(outcomes.find(({ kind }) => kind === "refuse")).to.have.nested.property("error.code", "invalid_operation");
      const live = await Promise.all(admins.map(isLive));
      expect(live).to.deep.equal(outcomes.map(({ kind }) => kind === "refuse"));
    }
  });

  it("leaves an owner or a token, of both that go at once", async () => {
    const going = [
      (accountId: string, memberId: string) => removeMember(silent())(aDelivery({ accountId, memberId, actor })),
      (accountId: string, memberId: string) =>
        changeMember(silent())(aDelivery({ accountId, memberId, actor, role: "viewer" as const })),
    ];
    for (const [index, goes] of [...going, ...going, ...going].entries()) {
      const accountId = randomUUID();
      const [token, owner] = [await anAdmin(accountId), await anOwner(accountId)];
      const acts = [() => revoking(token), () => goes(accountId, owner.memberId ?? "")];
      const outcomes = await Promise.all((index % 2 === 0 ? acts : acts.toReversed()).map((act) => act()));
      const refused = outcomes.filter(({ kind }) => kind === "refuse");
      expect(refused).to.have.lengthOf(1);
      expect(refused[0]).to.have.nested.property("error.code", "invalid_operation");
    }
  });

  it("is counted on by nobody once it may end, also where the process died before it did", async () => {
    const accountId = randomUUID();
    const [dying, other] = [await anAdmin(accountId), await anAdmin(accountId)];
    const failing = { ...stores.tokens, revoke: () => Promise.reject(new Error("it died")) };
    const delivery = aDelivery({ tokenId: dying.tokenId, accountId });
    const failure = await revokeToken({ ...silent(), tokens: failing })(delivery).catch((error: unknown) => error);
    expect(failure).to.be.instanceOf(Error);
    expect(await isLive(dying)).to.equal(true);
    expect(await revoking(other)).to.have.nested.property("error.code", "invalid_operation");
    expect(await revokeToken(silent())(delivery)).to.deep.equal({ kind: "ack" });
    expect([await isLive(dying), await isLive(other)]).to.deep.equal([false, true]);
  });

  it("finds nothing granted for a hash that no token has", async () => {
    expect(await grantFor(tokenHash("unknown"))).to.equal(null);
  });
});
