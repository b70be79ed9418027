import { generateKeyPairSync, randomUUID } from "node:crypto";
import type { DeviceFields, PushCredential } from "@strata/contracts";
import type { Phone } from "@strata/phone";
import { seal } from "@strata/runtime";
import { anAppId, eventually } from "@strata/testing";
import { expect } from "chai";
import { aPhone } from "../test/provider-fixture.ts";
import {
  aBatch,
  aDelivery,
  anAndroid,
  anIphone,
  credentialsOf,
  KEY,
  openPusher,
  type Pusher,
  usersOfOnePartition,
} from "../test/support.ts";
import { startDuePushes } from "./due-pushes.ts";
import { deletePushCredential } from "./handlers/delete-push-credential.ts";
import { listPushCredentials } from "./handlers/list-push-credentials.ts";
import { pushBatch } from "./handlers/push-batch.ts";
import { putPushCredential } from "./handlers/put-push-credential.ts";

const USERS = 20;

describe("the lane of a bad credential", () => {
  let phone: Phone;
  let pusher: Pusher;
  before(async () => {
    phone = await aPhone();
    phone.configure({ acceptUnknownCredentials: false });
    pusher = await openPusher("credential-lanes", phone, { refusedForMs: 300 });
  });
  after(async () => {
    await pusher[Symbol.asyncDispose]();
    await phone.close();
  });
  beforeEach(() => phone.reset());

  /** A key that this phone knows once `register` was called. */
  function anUnknownKey() {
    const { privateKey, publicKey } = generateKeyPairSync("ec", { namedCurve: "P-256" });
    const { teamId } = phone.credentialFiles().apns_key;
    const keyId = randomUUID();
    const pem = privateKey.export({ type: "pkcs8", format: "pem" }).toString();
    const credential: PushCredential = { ...apnsOf(phone), keyId, privateKey: pem };
    const spki = publicKey.export({ type: "spki", format: "pem" }).toString();
    return { credential, register: () => phone.registerApnsKey({ teamId, keyId, publicKey: spki }) };
  }

  let nextToken = 0;
  const tokensOf = (make: (index: number) => DeviceFields) =>
    Array.from({ length: USERS }, () => make((nextToken += 1)));
  const users = usersOfOnePartition(USERS);
  const register = async (app: string, devices: readonly DeviceFields[]) => {
    for (const [index, device] of devices.entries()) await pusher.register(app, users[index] ?? "", device);
    return devices.map(({ token }) => token);
  };
  const announce = async (app: string) => {
    const batch = aBatch(app, users);
    pusher.notifications.set(batch.announcementId, { text: "news" });
    await pushBatch(pusher.deps)(aDelivery(batch, { app }));
  };
  const put = (app: string, credential: PushCredential, credentialId: string, at = new Date()) => {
    const sealed = seal(KEY, JSON.stringify(credential));
    return putPushCredential(pusher.deps)(
      aDelivery({ credentialId, kind: credential.kind, sealed, check: false }, { app, sentAt: at }),
    );
  };
  const shown = async (app: string): Promise<Readonly<Record<string, unknown>>> => {
    const outcome = await listPushCredentials(pusher.deps)(aDelivery({ credentialId: null }, { app }));
    if (outcome.kind !== "reply") throw new Error("no reply");
    return Object.fromEntries<unknown>(
      outcome.reply.credentials.map(({ kind, state, reason, waitingPushes }) => [
        kind,
        { state, reason, waitingPushes },
      ]),
    );
  };
  const receivedBy = (tokens: readonly string[]) => tokens.map((token) => phone.device(token).received_count);
  const all = (count: number) => Array.from({ length: USERS }, () => count);
  const refusals = () => phone.stats().answers["apns"]?.["InvalidProviderToken"] ?? 0;
  const GOOD = { state: "ok", reason: null, waitingPushes: 0 };

  it("waits visibly while another credential of its app and another app go on, and goes on once it is put right", async () => {
    const [app, other] = [anAppId(), anAppId()];
    const [apnsId, fcmId] = [randomUUID(), randomUUID()];
    await put(app, anUnknownKey().credential, apnsId);
    await put(app, credentialsOf(phone).fcm, fcmId);
    await put(other, apnsOf(phone), randomUUID());
    const iphones = await register(app, tokensOf(anIphone));
    const androids = await register(app, tokensOf(anAndroid));
    const others = await register(other, tokensOf(anIphone));

    await Promise.all([announce(app), announce(other)]);
    expect(receivedBy(iphones)).to.deep.equal(all(0));
    expect(receivedBy(androids)).to.deep.equal(all(1));
    expect(receivedBy(others)).to.deep.equal(all(1));
    const waiting = { state: "refused", reason: "InvalidProviderToken", waitingPushes: USERS };
    await eventually(() => shown(app), { apns: waiting, fcm: GOOD });
    expect(await shown(other)).to.deep.equal({ apns: GOOD });

    await put(app, apnsOf(phone), apnsId);
    const duePushes = startDuePushes(pusher.deps, 20);
    await eventually(() => receivedBy(iphones), all(1), { deadlineMs: 15_000 });
    await eventually(() => shown(app), { apns: GOOD, fcm: GOOD });
    await duePushes.close();
    expect(receivedBy(androids)).to.deep.equal(all(1));
  }).timeout(30_000);

  it("is asked with single pushes only while it is refused, and goes on by itself when its provider takes it", async () => {
    const app = anAppId();
    const key = anUnknownKey();
    await put(app, key.credential, randomUUID());
    const tokens = await register(app, tokensOf(anIphone));
    await announce(app);
    expect(refusals()).to.equal(1);
    // Each of these finds the lane closed, or tries it with one push.
    for (let announced = 2; announced <= 6; announced += 1) {
      await announce(app);
      expect(refusals()).to.be.at.most(announced);
    }
    expect(receivedBy(tokens)).to.deep.equal(all(0));
    await eventually(() => shown(app), {
      apns: { state: "refused", reason: "InvalidProviderToken", waitingPushes: 6 * USERS },
    });

    await key.register();
    const duePushes = startDuePushes(pusher.deps, 20);
    // What is parked is five minutes from its next turn; the first push that gets through calls the rest.
    await eventually(
      async () => {
        await announceUntilTaken(app);
        return (await shown(app))["apns"];
      },
      GOOD,
      { deadlineMs: 20_000 },
    );
    await duePushes.close();
    const announced = await pusher.deps.db.collection("push_chunks").countDocuments({ app });
    expect(receivedBy(tokens)).to.deep.equal(all(announced));
  }).timeout(40_000);

  /** One more announcement, unless one came through already. */
  async function announceUntilTaken(app: string): Promise<void> {
    const taken = await pusher.deps.db.collection("push_chunks").countDocuments({ app, accepted: { $gt: 0 } });
    if (taken === 0) await announce(app);
  }

  it("is left by what waits in it when its credential is deleted: through another one, else failed", async () => {
    const app = anAppId();
    const [badId, goodId] = [randomUUID(), randomUUID()];
    await put(app, anUnknownKey().credential, badId);
    const tokens = await register(app, tokensOf(anIphone));
    await announce(app);
    await put(app, apnsOf(phone), goodId, new Date(Date.now() - 60_000));
    const remove = (credentialId: string) =>
      deletePushCredential(pusher.deps)(aDelivery({ credentialId }, { app, sentAt: new Date() }));
    await remove(badId);
    const duePushes = startDuePushes(pusher.deps, 20);
    await eventually(() => receivedBy(tokens), all(1), { deadlineMs: 15_000 });
    await remove(goodId);
    pusher.deps.providers.forget(app);
    await announce(app);
    const failed = await pusher.deps.db
      .collection("push_chunks")
      .countDocuments({ app, "outcomes.reason": "no_credential", pending: [] });
    expect(failed).to.equal(1);
    await duePushes.close();
    expect(receivedBy(tokens)).to.deep.equal(all(1));
  }).timeout(30_000);
});

function apnsOf(phone: Phone) {
  const { apns } = credentialsOf(phone);
  if (apns.kind !== "apns") throw new Error("no APNs key");
  return apns;
}
