import { randomBytes, randomUUID } from "node:crypto";
import type { PushCredential } from "@strata/contracts";
import type { Phone } from "@strata/phone";
import { seal, silentLogger } from "@strata/runtime";
import { expect } from "chai";
import { aPhone } from "../test/provider-fixture.ts";
import { addressesOf, anAndroid, anIphone, credentialsOf, KEY, KEYS } from "../test/support.ts";
import type { Target } from "./domain/chunk.ts";
import { openPushProviders } from "./push-providers.ts";
import type { StoredCredential } from "./store/credential-store.ts";

const APP = "11111111-1111-4111-8111-111111111111";

const targetOf = (device: Omit<Target, "userId" | "deviceId" | "registeredAt" | "dueAt">): Target => ({
  ...device,
  userId: "ann",
  deviceId: "phone",
  registeredAt: 0,
  dueAt: 0,
});
const [android, iphone] = [targetOf(anAndroid(1)), targetOf(anIphone(2))];

const aPush = {
  device: android,
  notification: {},
  collapseId: "a",
  ttlSeconds: 60,
  priority: "high",
  data: {},
} as const;

describe("push providers", () => {
  let phone: Phone;
  before(async () => {
    phone = await aPhone();
  });
  after(() => phone.close());

  /** Providers over rows that the test may change, and how often these were read. */
  function open() {
    const rows: StoredCredential[] = [];
    const reads = { count: 0 };
    const providers = openPushProviders({
      credentials: {
        async ofApp(app) {
          reads.count += 1;
          return rows.filter((row) => row.app === app).toReversed();
        },
        note: async () => null,
      },
      keys: KEYS,
      onRecovered: async () => undefined,
      addresses: addressesOf(phone),
      log: silentLogger,
    });
    const put = (credential: PushCredential, changes: Partial<StoredCredential> = {}) => {
      const { credentialId = randomUUID() } = changes;
      const at = rows.findIndex((row) => row.credentialId === credentialId);
      if (at >= 0) rows.splice(at, 1);
      const sealed = seal(KEY, JSON.stringify(credential));
      const row = { app: APP, credentialId, kind: credential.kind, sealed, putAt: 0, by: randomUUID() };
      rows.push({ ...row, expiresAt: null, facts: null, health: null, ...changes });
      return credentialId;
    };
    return { providers, put, reads };
  }

  it("opens one client per credential, however often and by how many it is asked for", async () => {
    const { providers, put, reads } = open();
    put(credentialsOf(phone).fcm);
    const choices = await Promise.all(Array.from({ length: 20 }, () => providers.of(APP)));
    const clients = new Set(choices.map((choose) => choose(android)?.provider));
    expect(clients.size).to.equal(1);
    expect(reads.count).to.equal(1);
    providers.forget(APP);
    expect((await providers.of(APP))(android)?.provider).to.equal([...clients][0]);
    await providers.close();
  });

  it("replaces a client whose credential changed, keeps the others, and closes the old one", async () => {
    const { providers, put } = open();
    const { fcm, apns } = credentialsOf(phone);
    const [fcmId] = [put(fcm), put(apns)];
    const before = await providers.of(APP);
    const [old, kept] = [before(android), before(iphone)];
    put(fcm, { credentialId: fcmId });
    providers.forget(APP);
    const now = await providers.of(APP);
    expect(now(android)?.provider).to.not.equal(old?.provider);
    expect(now(iphone)?.provider).to.equal(kept?.provider);
    const push = {
      device: android,
      notification: {},
      collapseId: "a",
      ttlSeconds: 60,
      priority: "high",
      data: {},
    } as const;
    const [late] = (await old?.provider.send([push])) ?? [];
    expect(late).to.include({ kind: "unavailable", mayHaveArrived: false });
    await providers.close();
  });

  it("keeps the client of a credential that was sealed anew, and finds it by its id", async () => {
    const { providers, put } = open();
    const { fcm } = credentialsOf(phone);
    const by = randomUUID();
    const credentialId = put(fcm, { by });
    const before = await providers.byId(APP, credentialId);
    put(fcm, { by, credentialId });
    providers.forget(APP);
    expect((await providers.byId(APP, credentialId))?.provider).to.equal(before?.provider);
    expect(await providers.byId(APP, randomUUID())).to.equal(null);
    expect(await providers.byId(randomUUID(), credentialId)).to.equal(null);
    await providers.close();
  });

  it("opens what it could not open once another process has sealed it anew", async () => {
    const { providers, put } = open();
    const { fcm } = credentialsOf(phone);
    const by = randomUUID();
    const credentialId = put(fcm, { by, sealed: seal(randomBytes(32), JSON.stringify(fcm)) });
    const before = await providers.byId(APP, credentialId);
    expect(await before?.provider.ask(aPush, { isDryRun: true })).to.include({ kind: "refused" });
    put(fcm, { by, credentialId });
    providers.forget(APP);
    const now = await providers.byId(APP, credentialId);
    expect(await now?.provider.ask(aPush, { isDryRun: true })).to.include({ kind: "answered", status: 200 });
    await providers.close();
  });

  it("keeps apps apart", async () => {
    const { providers, put } = open();
    put(credentialsOf(phone).fcm);
    expect((await providers.of(randomUUID()))(android)).to.equal(null);
    await providers.close();
  });

  it("lets pushes wait where a credential cannot be opened", async () => {
    const { providers, put } = open();
    put(credentialsOf(phone).apns, { sealed: seal(randomBytes(32), "{}") });
    const credential = (await providers.of(APP))(iphone);
    const results = await credential?.provider.send([]);
    expect(results).to.deep.equal([]);
    const push = {
      device: iphone,
      notification: {},
      collapseId: "a",
      ttlSeconds: 60,
      priority: "high",
      data: {},
    } as const;
    expect(await credential?.provider.send([push])).to.deep.equal([
      { kind: "credential-refused", reason: "credential_unreadable" },
    ]);
    await providers.close();
  });
});
