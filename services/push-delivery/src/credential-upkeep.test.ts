import { randomBytes, randomUUID } from "node:crypto";
import type { Phone } from "@strata/phone";
import { type Logger, seal, sealedPrefix, silentLogger } from "@strata/runtime";
import { anAppId } from "@strata/testing";
import { expect } from "chai";
import { Registry } from "prom-client";
import { aPhone } from "../test/provider-fixture.ts";
import { credentialsOf, KEY, openStores } from "../test/support.ts";
import { EXPIRES_SOON_MS, resealAll, warnOfExpiries } from "./credential-upkeep.ts";
import { credentialMetrics } from "./metrics.ts";
import { openSealed } from "./sealed-credential.ts";

const DAY_MS = 86_400_000;

const recorded = () => {
  const lines: { readonly message: string; readonly fields: Readonly<Record<string, unknown>> | undefined }[] = [];
  const add = (message: string, fields?: Readonly<Record<string, unknown>>) => void lines.push({ message, fields });
  const log: Logger = { ...silentLogger, warn: add, error: add };
  return { log, lines };
};

describe("upkeep of credentials", () => {
  let stores: Awaited<ReturnType<typeof openStores>>;
  let phone: Phone;
  before(async () => {
    phone = await aPhone();
  });
  beforeEach(async () => {
    stores = await openStores("credential-upkeep");
  });
  afterEach(() => stores[Symbol.asyncDispose]());
  after(() => phone.close());

  const put = async (key: Buffer, changes: { readonly expiresAt?: number; readonly removed?: true } = {}) => {
    const [app, credentialId] = [anAppId(), randomUUID()];
    const sealed = seal(key, JSON.stringify(credentialsOf(phone).fcm));
    const { expiresAt = null } = changes;
    await stores.credentials.put({ app, credentialId, kind: "fcm", sealed, putAt: 1_000, by: "x", expiresAt });
    if (changes.removed) await stores.credentials.remove({ app, credentialId, putAt: 2_000, by: "y" });
    return { app, find: () => stores.credentials.find(app, credentialId) };
  };
  const metricsOf = async (current: Buffer) => {
    const registry = new Registry();
    credentialMetrics(registry, stores.credentials, sealedPrefix(current));
    return registry.metrics();
  };

  it("seals anew what a former key sealed, in place, and says how many are left", async () => {
    const former = randomBytes(32);
    const rows = [];
    for (let index = 0; index < 205; index += 1) rows.push(await put(former));
    const ofToday = await put(KEY);
    await put(former, { removed: true });
    const before = await ofToday.find();
    expect(await metricsOf(KEY)).to.match(/^push_delivery_credentials_sealed_otherwise 205$/m);
    // Two replicas at once.
    const deps = { credentials: stores.credentials, keys: [KEY, former] as const, log: silentLogger };
    await Promise.all([resealAll(deps), resealAll(deps)]);
    for (const { find } of rows) {
      const row = await find();
      expect(openSealed([KEY], row?.sealed ?? "")).to.deep.equal(credentialsOf(phone).fcm);
      expect(row).to.include({ putAt: 1_000, by: "x" });
      expect(row?.facts).to.include({ projectId: "strata-local" });
    }
    expect(await ofToday.find()).to.deep.equal(before);
    expect(await metricsOf(KEY)).to.match(/^push_delivery_credentials_sealed_otherwise 0$/m);
  }).timeout(20_000);

  it("leaves what no key opens as it is, marks it unreadable, and passes on to the others", async () => {
    const [former, lost] = [randomBytes(32), randomBytes(32)];
    const unreadable = await put(lost);
    const readable = await put(former);
    const { log, lines } = recorded();
    const deps = { credentials: stores.credentials, keys: [KEY, former] as const, log };
    for (let turn = 0; turn < 3; turn += 1) await resealAll(deps);
    expect(await unreadable.find()).to.have.nested.property("health.state", "unreadable");
    expect((await unreadable.find())?.sealed.startsWith(sealedPrefix(lost))).to.equal(true);
    expect((await readable.find())?.sealed.startsWith(sealedPrefix(KEY))).to.equal(true);
    expect(lines.map(({ message }) => message)).to.deep.equal(["push credential cannot be read with any key"]);
    expect(await metricsOf(KEY)).to.match(/^push_delivery_credentials_sealed_otherwise 1$/m);
    // The key is found again.
    await resealAll({ ...deps, keys: [KEY, lost] });
    expect((await unreadable.find())?.sealed.startsWith(sealedPrefix(KEY))).to.equal(true);
    expect(await unreadable.find()).to.have.nested.property("health.state", "unused");
  });

  it("does not put back what was put meanwhile", async () => {
    const former = randomBytes(32);
    const { find } = await put(former);
    const row = await find();
    if (row === null) throw new Error("not stored");
    const newer = seal(KEY, JSON.stringify(credentialsOf(phone).fcm));
    await stores.credentials.put({ ...row, sealed: newer, putAt: 2_000, by: "z" });
    const { credentials } = stores;
    const stale = { ...credentials, notSealedWith: async (_: string, after: unknown) => (after === null ? [row] : []) };
    await resealAll({ credentials: stale, keys: [KEY, former], log: silentLogger });
    expect((await find())?.sealed).to.equal(newer);
  });

  it("warns of an end within thirty days once a day, whichever replica looks", async () => {
    const now = Date.now();
    const soon = await put(KEY, { expiresAt: now + 29.5 * DAY_MS });
    const over = await put(KEY, { expiresAt: now - DAY_MS });
    await put(KEY, { expiresAt: now + EXPIRES_SOON_MS + DAY_MS });
    await put(KEY);
    await put(KEY, { expiresAt: now + DAY_MS, removed: true });
    const { log, lines } = recorded();
    const deps = { credentials: stores.credentials, keys: [KEY] as const, log };
    await Promise.all([warnOfExpiries(deps), warnOfExpiries(deps)]);
    const said = lines.map(({ message, fields }) => [message, fields?.["app"]]);
    expect(said).to.have.deep.members([
      ["push credential expires soon", soon.app],
      ["push credential has expired", over.app],
    ]);
    await stores.db.collection("push_credentials").updateMany({}, { $set: { warnedAt: now - DAY_MS - 1 } });
    await warnOfExpiries(deps);
    expect(lines).to.have.length(4);
  });

  it("counts credentials by kind and state, and the time until the first of a kind ends", async () => {
    const { app, find } = await put(KEY, { expiresAt: Date.now() + 10 * DAY_MS });
    await put(KEY, { expiresAt: Date.now() + 20 * DAY_MS });
    await put(KEY, { removed: true, expiresAt: Date.now() + DAY_MS });
    const row = await find();
    if (row === null) throw new Error("not stored");
    const seen = { reason: "QUOTA_EXCEEDED", at: Date.now() };
    await stores.credentials.note(row, { ...seen, state: "paused", retryAt: Date.now() + 60_000 });
    const metrics = await metricsOf(KEY);
    expect(metrics).to.include('push_delivery_credential_state{kind="fcm",state="paused"} 1');
    expect(metrics).to.include('push_delivery_credential_state{kind="fcm",state="unused"} 1');
    expect(metrics).to.include('push_delivery_credential_state{kind="fcm",state="refused"} 0');
    const [, seconds] = /push_delivery_credential_expiry_seconds{kind="fcm"} (\d+)/.exec(metrics) ?? [];
    expect(Number(seconds)).to.be.within((10 * DAY_MS) / 1_000 - 60, (10 * DAY_MS) / 1_000);
    expect(metrics).to.not.include(app);
    // A pause that is over is none, though nothing was heard since.
    await stores.credentials.note(row, { ...seen, at: Date.now() + 1, state: "paused", retryAt: Date.now() - 1 });
    expect(await metricsOf(KEY)).to.include('push_delivery_credential_state{kind="fcm",state="ok"} 1');
  });
});
