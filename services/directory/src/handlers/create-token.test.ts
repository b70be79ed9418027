import { randomUUID } from "node:crypto";
import { createToken as newToken, MAX_LIVE_TOKENS, OPERATOR, tokenHash } from "@strata/contracts";
import { anAppId } from "@strata/testing";
import { expect } from "chai";
import { aDelivery, openStores, recordingPublisher } from "../../test/support.ts";
import { createToken } from "./create-token.ts";
import { getToken, listTokens } from "./list-tokens.ts";
import { rotateToken } from "./rotate-token.ts";

describe("createToken", () => {
  let stores: Awaited<ReturnType<typeof openStores>>;
  const appId = anAppId();
  before(async () => {
    stores = await openStores("create-token");
    await stores.accounts.ensure({ _id: "other", name: "Other", createdAt: 0 });
    await stores.apps.insertOrFind({ appId, accountId: OPERATOR, name: "Shop", createdAt: 0 }, "test");
  });
  after(() => stores[Symbol.asyncDispose]());

  const wanted = (changes: { accountId?: string; appId?: string | null; tokenId?: string; hash?: string } = {}) => ({
    tokenId: randomUUID(),
    accountId: OPERATOR,
    appId: appId as string | null,
    name: "backend",
    scopes: ["app:read" as const],
    expiresAt: null,
    hash: tokenHash(newToken()),
    ...changes,
  });

  /** An app with as many tokens, of which so many are revoked, the newest first. */
  const anAppWith = async (live: number, revoked: number) => {
    const id = anAppId();
    await stores.apps.insertOrFind({ appId: id, accountId: OPERATOR, name: "Shop", createdAt: 0 }, "test");
    const rows = Array.from({ length: live + revoked }, (_, n) => {
      const token = { ...wanted({ appId: id }), createdAt: n, revokedAt: n < live ? null : n, version: 1 };
      return { _id: `${OPERATOR}/${token.tokenId}`, ...token, by: "test" };
    });
    await stores.db.collection<{ _id: string }>("tokens").insertMany(rows);
    const [oldest] = rows;
    if (!oldest) throw new Error("there is none");
    return { id, oldest, newest: rows.at(-1) ?? oldest };
  };
  const idsOf = async (id: string) => {
    const outcome = await listTokens(stores)(aDelivery({ accountId: OPERATOR, appId: id }));
    if (outcome.kind !== "reply") throw new Error(`no reply but ${outcome.kind}`);
    return outcome.reply.tokens.map(({ tokenId }) => tokenId);
  };

  it("stores the token by its hash, and answers all but the hash", async () => {
    const payload = wanted();
    const outcome = await createToken(stores)(aDelivery(payload));
    const { hash, ...shown } = payload;
    expect(outcome).to.have.property("kind", "reply");
    expect(outcome).to.have.property("reply").that.deep.includes(shown).and.does.not.have.property("hash");
    expect(await stores.tokens.findByHash(hash)).to.deep.include(payload);
  });

  it("answers the same again when its command comes again, also once the token has expired", async () => {
    const payload = { ...wanted(), expiresAt: 2_000 };
    const delivery = aDelivery(payload, { sentAt: new Date(1_000) });
    const first = await createToken(stores)(delivery);
    expect(first).to.have.property("kind", "reply");
    expect(await createToken(stores)(delivery)).to.deep.equal(first);
  });

  it("refuses an id in use, and leaves its token as it is", async () => {
    const payload = wanted();
    await createToken(stores)(aDelivery(payload));
    const again = await createToken(stores)(aDelivery(wanted({ tokenId: payload.tokenId })));
    expect(again).to.have.nested.property("error.code", "id_in_use");
    expect(again).to.have.nested.property("error.details.token.tokenId", payload.tokenId);
    expect(again).not.to.have.nested.property("error.details.token.hash");
    expect(await stores.tokens.findByHash(payload.hash)).to.deep.include(payload);
  });

  it("refuses a hash in use", async () => {
    const payload = wanted();
    await createToken(stores)(aDelivery(payload));
    const again = await createToken(stores)(aDelivery(wanted({ hash: payload.hash })));
    expect(again).to.have.nested.property("error.code", "conflict");
  });

  it("refuses another account's app as if there were none", async () => {
    const another = await createToken(stores)(aDelivery(wanted({ accountId: "other" })));
    const none = await createToken(stores)(aDelivery(wanted({ appId: anAppId() })));
    expect(another).to.deep.nested.include({ "error.code": "not_found", "error.details.property": "app_id" });
    expect(none).to.deep.nested.include({ "error.code": "not_found", "error.details.property": "app_id" });
  });

  it("refuses an account that does not exist", async () => {
    const outcome = await createToken(stores)(aDelivery(wanted({ accountId: "nobody", appId: null })));
    expect(outcome).to.deep.nested.include({ "error.code": "not_found", "error.details.property": "account_id" });
  });

  it("lets no app's token administer the account", async () => {
    const payload = { ...wanted(), scopes: ["account:admin" as const] };
    const outcome = await createToken(stores)(aDelivery(payload));
    expect(outcome).to.have.nested.property("error.code", "invalid_property");
    expect(await stores.tokens.findByHash(payload.hash)).to.equal(null);
  });

  it("lists all that live, the newest first, and then the latest that were revoked", async () => {
    const { id, oldest, newest } = await anAppWith(3, 2_200);
    const { tokenId } = wanted();
    await createToken(stores)(aDelivery(wanted({ appId: id, tokenId })));
    const ids = await idsOf(id);
    expect(ids).to.have.lengthOf(2_000);
    expect([ids[0], ids[3], ids[4]]).to.deep.equal([tokenId, oldest.tokenId, newest.tokenId]);
  });

  it("finds each, however old it is", async () => {
    const { oldest } = await anAppWith(0, 2_200);
    const { tokenId } = oldest;
    const find = async (accountId: string) => getToken(stores)(aDelivery({ accountId, tokenId }));
    expect(await find(OPERATOR)).to.have.nested.property("reply.token.tokenId", tokenId);
    expect(await find(OPERATOR)).to.not.have.nested.property("reply.token.hash");
    expect(await find("other")).to.have.nested.property("reply.token", null);
  });

  it("refuses one more than can be listed, and answers again what was made before", async () => {
    const { id, oldest } = await anAppWith(MAX_LIVE_TOKENS - 1, 5);
    const last = aDelivery(wanted({ appId: id }));
    const first = await createToken(stores)(last);
    expect(first).to.have.property("kind", "reply");
    const more = () => createToken(stores)(aDelivery(wanted({ appId: id })));
    expect(await more()).to.have.nested.property("error.code", "invalid_operation");
    expect(await createToken(stores)(last)).to.deep.equal(first);
    await stores.tokens.revoke(OPERATOR, oldest.tokenId, Date.now(), "test");
    expect(await more()).to.have.property("kind", "reply");
  });

  it("rotates with an overlap while the list has room for both, and always without", async () => {
    const { oldest } = await anAppWith(2 * MAX_LIVE_TOKENS, 0);
    const rotation = (overlapMs: number) => {
      const next = { newTokenId: randomUUID(), hash: tokenHash(newToken()), overlapMs };
      return aDelivery({ tokenId: oldest.tokenId, accountId: OPERATOR, ...next });
    };
    const rotate = rotateToken({ ...stores, ...recordingPublisher() });
    expect(await rotate(rotation(1_000))).to.have.nested.property("error.code", "invalid_operation");
    expect(await rotate(rotation(0))).to.have.property("kind", "reply");
  });

  it("shows in an account's list its own tokens only, without hashes", async () => {
    const payload = wanted({ accountId: "other", appId: null });
    await createToken(stores)(aDelivery(payload));
    const outcome = await listTokens(stores)(aDelivery({ accountId: "other" }));
    expect(outcome).to.have.nested.property("reply.tokens").with.lengthOf(1);
    expect(outcome).to.have.nested.property("reply.tokens[0].tokenId", payload.tokenId);
    expect(JSON.stringify(outcome)).not.to.include(payload.hash);
  });
});
