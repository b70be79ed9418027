import { randomBytes, randomUUID } from "node:crypto";
import type { PushCredential } from "@strata/contracts";
import { seal } from "@strata/runtime";
import { anAppId } from "@strata/testing";
import { expect } from "chai";
import { aDelivery, KEY, openStores } from "../../test/support.ts";
import { putPushCredential } from "./put-push-credential.ts";

const aCredential: PushCredential = {
  kind: "fcm",
  serviceAccount: { project_id: "shop", client_email: "push@shop.example", private_key: "not looked at here" },
};

const aPut = (app: string, sealed: string, { credentialId = randomUUID(), at = new Date() } = {}) =>
  aDelivery({ credentialId, kind: "fcm" as const, sealed }, { app, sentAt: at });
const sealed = () => seal(KEY, JSON.stringify(aCredential));

describe("putPushCredential", () => {
  let stores: Awaited<ReturnType<typeof openStores>>;
  const forgotten: string[] = [];
  const unparked: string[] = [];
  before(async () => {
    stores = await openStores("put-push-credential");
  });
  after(() => stores[Symbol.asyncDispose]());

  const put = (delivery: ReturnType<typeof aPut>) =>
    putPushCredential({
      credentials: stores.credentials,
      key: KEY,
      providers: { forget: (app) => void forgotten.push(app) },
      chunks: { unpark: async (app) => void unparked.push(app) },
    })(delivery);
  it("stores the credential as it was sealed, and lets waiting pushes go on", async () => {
    const app = anAppId();
    const delivery = aPut(app, sealed());
    expect(await put(delivery)).to.deep.equal({ kind: "ack" });
    const [stored] = await stores.credentials.ofApp(app);
    expect(stored).to.include({ ...delivery.payload, app });
    expect(JSON.stringify(stored)).to.not.contain("not looked at here");
    expect(forgotten).to.include(app);
    expect(unparked).to.include(app);
  });

  it("keeps the newest when an older one comes late or again", async () => {
    const app = anAppId();
    const credentialId = randomUUID();
    const older = aPut(app, sealed(), { credentialId, at: new Date(1_000) });
    const newer = aPut(app, sealed(), { credentialId, at: new Date(2_000) });
    for (const delivery of [older, newer, older, newer]) await put(delivery);
    const stored = await stores.credentials.ofApp(app);
    expect(stored.map((row) => row.sealed)).to.deep.equal([newer.payload.sealed]);
  });

  it("refuses what it could not open later, and keeps what was there", async () => {
    const app = anAppId();
    const credentialId = randomUUID();
    const good = aPut(app, sealed(), { credentialId });
    await put(good);
    const bad = [
      seal(randomBytes(32), JSON.stringify(aCredential)),
      seal(KEY, JSON.stringify({ ...aCredential, kind: "apns" })),
      "v1.not.sealed.text",
    ];
    for (const text of bad) {
      const outcome = await put(aPut(app, text, { credentialId }));
      expect(outcome).to.have.property("kind", "refuse");
      expect(outcome).to.have.nested.property("error.code", "invalid_property");
    }
    const stored = await stores.credentials.ofApp(app);
    expect(stored.map((row) => row.sealed)).to.deep.equal([good.payload.sealed]);
  });
});
