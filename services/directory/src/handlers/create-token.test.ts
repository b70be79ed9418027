import { randomUUID } from "node:crypto";
import { createToken as newToken, OPERATOR, tokenHash } from "@strata/contracts";
import { anAppId } from "@strata/testing";
import { expect } from "chai";
import { aDelivery, openStores } from "../../test/support.ts";
import { createToken } from "./create-token.ts";
import { listTokens } from "./list-tokens.ts";

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

  it("shows in an account's list its own tokens only, without hashes", async () => {
    const payload = wanted({ accountId: "other", appId: null });
    await createToken(stores)(aDelivery(payload));
    const outcome = await listTokens(stores)(aDelivery({ accountId: "other" }));
    expect(outcome).to.have.nested.property("reply.tokens").with.lengthOf(1);
    expect(outcome).to.have.nested.property("reply.tokens[0].tokenId", payload.tokenId);
    expect(JSON.stringify(outcome)).not.to.include(payload.hash);
  });
});
