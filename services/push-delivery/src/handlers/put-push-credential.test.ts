import { createCipheriv, generateKeyPairSync, randomBytes, randomUUID } from "node:crypto";
import type { PayloadOf, PushCredential, PutPushCredential } from "@strata/contracts";
import type { Delivery } from "@strata/messaging";
import { recordingPublisher } from "@strata/messaging/testing";
import type { Phone } from "@strata/phone";
import { seal, sealedPrefix, silentLogger } from "@strata/runtime";
import { anAppId } from "@strata/testing";
import { expect } from "chai";
import { aPhone } from "../../test/provider-fixture.ts";
import { addressesOf, aDelivery, credentialsOf, KEY, openStores } from "../../test/support.ts";
import { credentialCheck } from "../credential-check.ts";
import { putPushCredential } from "./put-push-credential.ts";

type Put = Delivery<PayloadOf<typeof PutPushCredential>>;

const sealedOf = (credential: PushCredential, key = KEY) => seal(key, JSON.stringify(credential));

const aPut = (app: string, credential: PushCredential, changes: Partial<Put["payload"]> = {}, at = new Date()): Put =>
  aDelivery(
    { credentialId: randomUUID(), kind: credential.kind, sealed: sealedOf(credential), ...changes },
    { app, sentAt: at },
  );

describe("putPushCredential", () => {
  let stores: Awaited<ReturnType<typeof openStores>>;
  let phone: Phone;
  const forgotten: string[] = [];
  const unparked: string[] = [];
  before(async () => {
    phone = await aPhone();
    stores = await openStores("put-push-credential");
  });
  after(async () => {
    await stores[Symbol.asyncDispose]();
    await phone.close();
  });
  beforeEach(() => phone.reset());

  const fcm = (): PushCredential => credentialsOf(phone).fcm;
  const apns = (): PushCredential => credentialsOf(phone).apns;
  const former = randomBytes(32);
  const silent = recordingPublisher().publisher;
  const put = (delivery: Put, { within = 10_000, addresses = addressesOf(phone), publisher = silent } = {}) =>
    putPushCredential({
      publisher,
      credentials: stores.credentials,
      keys: [KEY, former],
      check: credentialCheck(addresses, silentLogger, within),
      providers: { forget: (app) => void forgotten.push(app) },
      chunks: { unpark: async (app) => void unparked.push(app) },
    })(delivery);
  const errorOf = (outcome: Awaited<ReturnType<typeof put>>) => {
    if (outcome.kind !== "refuse") throw new Error(`not refused but ${outcome.kind}`);
    const { code, message, details } = outcome.error;
    return { code, message, property: details["property"] };
  };
  const storedOf = async (app: string) => (await stores.credentials.ofApp(app)).map(({ sealed }) => sealed);

  it("stores a credential that its provider takes, sealed, and lets waiting pushes go on", async () => {
    for (const credential of [fcm(), apns()]) {
      const app = anAppId();
      const delivery = aPut(app, credential, { expiresAt: 4_102_444_800_000 });
      expect(await put(delivery)).to.deep.equal({ kind: "ack" });
      const [stored] = await stores.credentials.ofApp(app);
      const { credentialId, kind, sealed } = delivery.payload;
      expect(stored).to.include({ credentialId, kind, sealed, app, expiresAt: 4_102_444_800_000 });
      expect(stored?.health).to.include({ state: "ok", reason: null });
      expect(stored?.facts?.fingerprint).to.match(/^sha256:[\w-]{43}$/);
      expect(JSON.stringify(stored)).to.not.contain("PRIVATE KEY");
      expect(forgotten).to.include(app);
      expect(unparked).to.include(app);
    }
  });

  it("asks with a push that no phone gets, and once however often the command comes", async () => {
    const app = anAppId();
    for (const credential of [fcm(), apns()]) {
      const delivery = aPut(app, credential);
      for (let time = 0; time < 3; time += 1) expect(await put(delivery)).to.deep.equal({ kind: "ack" });
    }
    const { requests, pushes } = phone.stats();
    expect([requests.dry_runs, pushes.received]).to.deep.equal([2, 0]);
    expect(phone.device("0".repeat(64)).received_count).to.equal(0);
    expect(await storedOf(app)).to.have.length(2);
  });

  describe("refuses, naming the property and the provider's word, what", () => {
    const answers = [
      ["fcm", "PERMISSION_DENIED", "service_account.project_id"],
      ["fcm", "PROJECT_NOT_FOUND", "service_account.project_id"],
      ["fcm", "SENDER_ID_MISMATCH", "service_account.project_id"],
      ["fcm", "THIRD_PARTY_AUTH_ERROR", "service_account"],
      ["apns", "InvalidProviderToken", "private_key"],
      ["apns", "BadTopic", "bundle_id"],
    ] as const;
    for (const [kind, reason, property] of answers) {
      it(`${kind} answers with ${reason}`, async () => {
        const app = anAppId();
        phone.addFault({ reason });
        const outcome = await put(aPut(app, kind === "fcm" ? fcm() : apns()));
        const error = errorOf(outcome);
        expect(error).to.include({ code: "invalid_property", property });
        expect(error.message).to.match(/^(?:FCM|APNs) refuses it: /);
        // FCM's own word for a wrong project is that of its gRPC status.
        expect(error.message).to.include(reason === "PROJECT_NOT_FOUND" ? "NOT_FOUND: The project" : reason);
        expect(await storedOf(app)).to.deep.equal([]);
      });
    }

    it("APNs does not know the key of", async () => {
      const { privateKey } = generateKeyPairSync("ec", { namedCurve: "P-256" });
      const another = privateKey.export({ type: "pkcs8", format: "pem" }).toString();
      const credential = apns();
      if (credential.kind !== "apns") throw new Error("no APNs key");
      const outcome = await put(aPut(anAppId(), { ...credential, privateKey: another }));
      expect(errorOf(outcome)).to.deep.include({
        property: "private_key",
        message: "APNs refuses it: InvalidProviderToken",
      });
    });

    it("Google gives no access token for", async () => {
      phone.addFault({ protocol: "oauth", answer: { status: 400, body: { error: "invalid_grant" } } });
      const error = errorOf(await put(aPut(anAppId(), fcm())));
      expect(error).to.include({ code: "invalid_property", property: "service_account" });
      expect(error.message).to.include("invalid_grant");
    });
  });

  it("takes a complaint about the token alone for a proof", async () => {
    for (const reason of ["INVALID_TOKEN", "UNREGISTERED", "BadDeviceToken"] as const) {
      const app = anAppId();
      phone.addFault({ reason, times: 1 });
      expect(await put(aPut(app, reason === "BadDeviceToken" ? apns() : fcm()))).to.deep.equal({ kind: "ack" });
      expect(await storedOf(app)).to.have.length(1);
    }
  });

  it("leaves the credential that is there in force when its successor is refused", async () => {
    const app = anAppId();
    const credentialId = randomUUID();
    const good = aPut(app, apns(), { credentialId });
    await put(good);
    phone.addFault({ reason: "InvalidProviderToken" });
    errorOf(await put(aPut(app, apns(), { credentialId })));
    expect(await storedOf(app)).to.deep.equal([good.payload.sealed]);
  });

  it("stores nothing while the provider does not answer in time or is unavailable, unless it is not to be asked", async () => {
    const app = anAppId();
    phone.addFault({ reason: "UNAVAILABLE" });
    expect(errorOf(await put(aPut(app, fcm())))).to.include({ code: "service_unavailable" });
    phone.removeFaults();
    phone.addFault({ protocol: "apns", behaviour: "hang" });
    expect(errorOf(await put(aPut(app, apns()), { within: 100 }))).to.include({ code: "service_unavailable" });
    const nowhere = { ...addressesOf(phone), fcmUrl: "https://localhost:1", fcmTokenUrl: "https://localhost:1/token" };
    expect(errorOf(await put(aPut(app, fcm()), { addresses: nowhere }))).to.include({ code: "service_unavailable" });
    expect(await storedOf(app)).to.deep.equal([]);
    expect(await put(aPut(app, fcm(), { check: false }), { addresses: nowhere })).to.deep.equal({ kind: "ack" });
    expect((await stores.credentials.ofApp(app))[0]?.health).to.include({ state: "unused" });
  });

  it("asks no more than so many at once: past them nobody waits for a provider that hangs", async () => {
    phone.addFault({ protocol: "apns", behaviour: "hang" });
    const deps = credentialCheck(addressesOf(phone), silentLogger, 3_000);
    const checks = Array.from({ length: 51 }, () => deps.check(apns()));
    const first = await Promise.race(checks);
    expect(first).to.deep.equal({ kind: "unavailable", reason: "too many checks under way" });
    const reasons = (await Promise.all(checks)).map((result) => (result.kind === "unavailable" ? result.reason : ""));
    expect(reasons.filter((reason) => reason === "too many checks under way")).to.have.length(1);
    phone.removeFaults();
    expect(await deps.check(apns())).to.deep.equal({ kind: "proved" });
  }).timeout(15_000);

  it("keeps the newest when an older one comes late or again, and remembers when the first was made", async () => {
    const app = anAppId();
    const credentialId = randomUUID();
    const older = aPut(app, fcm(), { credentialId }, new Date(1_000));
    const newer = aPut(app, fcm(), { credentialId }, new Date(2_000));
    for (const delivery of [older, newer, older, newer]) await put(delivery);
    const [stored, ...others] = await stores.credentials.ofApp(app);
    expect(others).to.deep.equal([]);
    expect(stored).to.include({ sealed: newer.payload.sealed, putAt: 2_000, createdAt: 1_000 });
  });

  it("seals anew what the gateway sealed with a former key", async () => {
    const app = anAppId();
    await put(aPut(app, fcm(), { sealed: sealedOf(fcm(), former) }));
    const [sealed = ""] = await storedOf(app);
    expect(sealed.startsWith(sealedPrefix(KEY))).to.equal(true);
  });

  it("opens what a gateway of an older version sealed, which names no key", async () => {
    const app = anAppId();
    expect(await put(aPut(app, fcm(), { sealed: sealedAsV1(JSON.stringify(fcm())) }))).to.deep.equal({ kind: "ack" });
    expect((await storedOf(app))[0]?.startsWith(sealedPrefix(KEY))).to.equal(true);
  });

  it("refuses what it could not open later", async () => {
    const app = anAppId();
    for (const sealed of [sealedOf(fcm(), randomBytes(32)), sealedOf(apns()), "v1.not.sealed.text"]) {
      const outcome = await put(aPut(app, fcm(), { sealed }));
      expect(errorOf(outcome)).to.include({ code: "invalid_property", property: "sealed" });
    }
    expect(await storedOf(app)).to.deep.equal([]);
  });

  it("has each put written down with what was there before, also where the process died and another put came", async () => {
    const app = anAppId();
    const credentialId = randomUUID();
    const first = aPut(app, fcm(), { credentialId, check: false }, new Date(1_000));
    const second = aPut(app, apns(), { credentialId, check: false, expiresAt: 9_000 }, new Date(2_000));
    const late = aPut(app, apns(), { credentialId, check: false }, new Date(500));
    const { publisher: failing } = recordingPublisher({ failing: true });
    const died = await put(first, { publisher: failing }).catch((error: unknown) => error);
    expect(died).to.be.instanceOf(Error);
    const { publisher, commands } = recordingPublisher();
    for (const delivery of [second, first, late, second]) await put(delivery, { publisher });
    const [ofSecond, ofFirst, again, ...others] = commands;
    expect(others).to.deep.equal([]);
    expect(again).to.deep.equal(ofSecond);
    expect(ofFirst).to.deep.nested.include({
      app,
      id: `${first.id}.act`,
      "payload.entryId": first.id,
      "payload.action": "push_credential.set",
      "payload.before": null,
    });
    expect(ofFirst).to.have.nested.property("payload.after").that.includes({ kind: "fcm", expiresAt: null });
    expect(ofSecond).to.have.nested.property("payload.before").that.includes({ kind: "fcm", expiresAt: null });
    const { keyId, teamId } = phone.credentialFiles().apns_key;
    expect(ofSecond)
      .to.have.nested.property("payload.after")
      .that.includes({ kind: "apns", keyId, teamId, expiresAt: 9_000 });
    expect(JSON.stringify(commands)).not.to.match(/PRIVATE|v2\./);
  });

  it("has nothing written down of what is refused", async () => {
    phone.addFault({ reason: "InvalidProviderToken" });
    const { publisher, commands } = recordingPublisher();
    errorOf(await put(aPut(anAppId(), apns()), { publisher }));
    expect(commands).to.deep.equal([]);
  });

  it("has at most a hundred of an app, and replaces those", async () => {
    const app = anAppId();
    const ids = Array.from({ length: 100 }, () => randomUUID());
    const row = { app, kind: "fcm" as const, sealed: sealedOf(fcm()), putAt: 1, by: "x" };
    await Promise.all(ids.map((credentialId) => stores.credentials.put({ ...row, credentialId })));
    expect(errorOf(await put(aPut(app, fcm(), { check: false })))).to.include({ property: "push_credential_id" });
    expect(await put(aPut(app, fcm(), { check: false, credentialId: ids[0] ?? "" }))).to.deep.equal({ kind: "ack" });
  });
});

function sealedAsV1(text: string): string {
  const iv = randomBytes(12);
  const cipher = createCipheriv("aes-256-gcm", KEY, iv, { authTagLength: 16 });
  cipher.setAAD(Buffer.from("v1"));
  const data = Buffer.concat([cipher.update(text, "utf8"), cipher.final()]);
  return ["v1", ...[iv, cipher.getAuthTag(), data].map((bytes) => bytes.toString("base64url"))].join(".");
}
