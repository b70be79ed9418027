import { randomUUID } from "node:crypto";
import { type IdentityKeyState, OPERATOR } from "@strata/contracts";
import { anAppId } from "@strata/testing";
import { expect } from "chai";
import { aDelivery, openStores } from "../../test/support.ts";
import {
  changeIdentityKey,
  createIdentityKey,
  createIdentityProvider,
  findIdentityKey,
  listIdentityKeys,
  listIdentityProviders,
} from "./identity-providers.ts";

describe("identity providers", () => {
  let stores: Awaited<ReturnType<typeof openStores>>;
  const [app, another, foreign] = [anAppId(), anAppId(), anAppId()];
  before(async () => {
    stores = await openStores("identity-providers");
    await stores.accounts.ensure({ _id: "other", name: "Other", createdAt: 0 });
    for (const [appId, accountId] of [
      [app, OPERATOR],
      [another, OPERATOR],
      [foreign, "other"],
    ] as const) {
      await stores.apps.insertOrFind({ appId, accountId, name: "Shop", createdAt: 0 }, "test");
    }
  });
  after(() => stores[Symbol.asyncDispose]());

  const aProvider = async (appId = app): Promise<string> => {
    const payload = { appId, accountId: OPERATOR, providerId: randomUUID(), name: "backend" };
    expect(await createIdentityProvider(stores)(aDelivery(payload))).to.have.property("kind", "reply");
    return payload.providerId;
  };
  const keyOf = (providerId: string, changes: { appId?: string; accountId?: string; keyId?: string } = {}) => ({
    appId: app,
    accountId: OPERATOR,
    providerId,
    keyId: randomUUID(),
    publicKey: "a key",
    ...changes,
  });
  const aKey = async (providerId: string): Promise<string> => {
    const payload = keyOf(providerId);
    expect(await createIdentityKey(stores)(aDelivery(payload))).to.have.property("kind", "reply");
    return payload.keyId;
  };
  const change = (providerId: string, keyId: string, state: IdentityKeyState) =>
    aDelivery({ appId: app, accountId: OPERATOR, providerId, keyId, state });
  const stateOf = async (keyId: string, at = app) => {
    const outcome = await findIdentityKey(stores)(aDelivery({ keyId }, { app: at }));
    return outcome.kind === "reply" ? (outcome.reply.key?.state ?? null) : outcome;
  };

  it("are the app's own: another app of the same account has none of them", async () => {
    const providerId = await aProvider();
    const keyId = await aKey(providerId);
    expect(await stateOf(keyId)).to.equal("enabled");
    expect(await stateOf(keyId, another)).to.equal(null);
    const none = await listIdentityKeys(stores)(aDelivery({ providerId }, { app: another }));
    expect(none).to.have.nested.property("reply.keys", null);
    const listed = await listIdentityProviders(stores)(aDelivery({}, { app: another }));
    expect(listed).to.have.nested.property("reply.providers").with.lengthOf(0);
    const outcome = await createIdentityKey(stores)(aDelivery(keyOf(providerId, { appId: another })));
    expect(outcome).to.deep.nested.include({ "error.code": "not_found", "error.details.property": "provider_id" });
  });

  it("are not made, given keys or changed through another account", async () => {
    const payload = { appId: foreign, accountId: OPERATOR, providerId: randomUUID(), name: "backend" };
    const providerId = await aProvider();
    const keyId = await aKey(providerId);
    const refusals = await Promise.all([
      createIdentityProvider(stores)(aDelivery(payload)),
      createIdentityKey(stores)(aDelivery(keyOf(providerId, { accountId: "other" }))),
      changeIdentityKey(stores)(
        aDelivery({ appId: app, accountId: "other", providerId, keyId, state: "deleted" as const }),
      ),
    ]);
    for (const refusal of refusals) {
      expect(refusal).to.deep.nested.include({ "error.code": "not_found", "error.details.property": "app_id" });
    }
    expect(await stateOf(keyId)).to.equal("enabled");
  });

  it("answer the same again to a command that comes again, and refuse an id in use", async () => {
    const provider = aDelivery({ appId: app, accountId: OPERATOR, providerId: randomUUID(), name: "backend" });
    const first = await createIdentityProvider(stores)(provider);
    expect(first).to.have.property("kind", "reply");
    expect(await createIdentityProvider(stores)(provider)).to.deep.equal(first);
    const again = await createIdentityProvider(stores)(aDelivery(provider.payload));
    expect(again).to.have.nested.property("error.code", "id_in_use");
    expect(again).to.have.nested.property("error.details.provider.providerId", provider.payload.providerId);

    const key = aDelivery(keyOf(provider.payload.providerId));
    const made = await createIdentityKey(stores)(key);
    expect(made).to.have.property("kind", "reply");
    expect(await createIdentityKey(stores)(key)).to.deep.equal(made);
    const taken = await createIdentityKey(stores)(aDelivery({ ...key.payload, publicKey: "another key" }));
    expect(taken).to.have.nested.property("error.code", "id_in_use");
  });

  it("have keys that are disabled and enabled again, and deleted for good", async () => {
    const providerId = await aProvider();
    const keyId = await aKey(providerId);
    for (const state of ["disabled", "enabled", "disabled", "deleted"] as const) {
      expect(await changeIdentityKey(stores)(change(providerId, keyId, state))).to.have.property("kind", "reply");
      expect(await stateOf(keyId)).to.equal(state);
    }
    const enabling = await changeIdentityKey(stores)(change(providerId, keyId, "enabled"));
    expect(enabling).to.deep.nested.include({ "error.code": "not_found", "error.details.property": "key_id" });
    expect(await stateOf(keyId)).to.equal("deleted");
    const keys = await listIdentityKeys(stores)(aDelivery({ providerId }, { app }));
    expect(keys).to.have.nested.property("reply.keys").with.lengthOf(0);
    const reusing = await createIdentityKey(stores)(aDelivery(keyOf(providerId, { keyId })));
    expect(reusing).to.have.nested.property("error.code", "id_in_use");
  });

  it("stay as a later change left a key when an earlier one comes again", async () => {
    const providerId = await aProvider();
    const keyId = await aKey(providerId);
    const [enabling, disabling] = [change(providerId, keyId, "enabled"), change(providerId, keyId, "disabled")];
    await changeIdentityKey(stores)(enabling);
    await changeIdentityKey(stores)(disabling);
    await changeIdentityKey(stores)(enabling);
    expect(await stateOf(keyId)).to.equal("disabled");
    const deleting = change(providerId, keyId, "deleted");
    await changeIdentityKey(stores)(deleting);
    expect(await changeIdentityKey(stores)(deleting)).to.have.nested.property("reply.state", "deleted");
  });

  it("have no key through another provider", async () => {
    const [providerId, other] = [await aProvider(), await aProvider()];
    const keyId = await aKey(providerId);
    const outcome = await changeIdentityKey(stores)(change(other, keyId, "deleted"));
    expect(outcome).to.have.nested.property("error.code", "not_found");
    expect(await stateOf(keyId)).to.equal("enabled");
  });
});
