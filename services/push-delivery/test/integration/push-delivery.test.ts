import { randomUUID } from "node:crypto";
import {
  AcceptNotification,
  BatchStored,
  ChangePushPreferences,
  DeletePushCredential,
  DeviceRegistered,
  ExplainPush,
  ExternalUnreadChanged,
  FindBadges,
  GetAnnouncementContent,
  GetMessageNotification,
  GetNotification,
  GetPushCounts,
  GetPushOutcomes,
  ListDevices,
  ListPushCredentials,
  MessageCreated,
  type PayloadOf,
  type PushCredential,
  PushNotification,
  PutPushCredential,
  RecordAct,
  ReportDeletion,
  RegisterDevice,
  RemoveDevice,
  type ReplyOf,
  SendCanary,
  type ServiceName,
  UserDeleted,
  UserSuspended,
} from "@strata/contracts";
import { ack, type Broker, type Consumer, consumer, on, openBroker, reply } from "@strata/messaging";
import { type BrokerProbe, probeBroker } from "@strata/messaging/testing";
import type { Phone } from "@strata/phone";
import { createReadiness, seal } from "@strata/runtime";
import {
  anAppId,
  eventually,
  type Infra,
  openInfra,
  startInProcess,
  type TcpProxy,
  tcpProxy,
  testLogger,
} from "@strata/testing";
import { expect } from "chai";
import { Registry } from "prom-client";
import webPush from "web-push";
import { loadConfig } from "../../src/config.ts";
import { start } from "../../src/start.ts";
import { aPhone } from "../provider-fixture.ts";
import { aBatch, aMessage, anAndroid, anIphone, credentialsOf, KEY, usersOfOnePartition } from "../support.ts";

const LANES = [
  "announcements",
  "messages",
  "new-notifications",
  "notifications",
  "deleted-users",
  "suspended-users",
  "badges",
  "admin",
  "canaries",
];
const QUEUES = [...LANES, "devices.0", "devices.1", "preferences.0", "preferences.1"].map(
  (lane) => `push-delivery.${lane}`,
);
const DEAD_LETTERS = [...LANES, "devices", "preferences"].map((lane) => `push-delivery.${lane}.dead-letter`);

const waitingPhone = (n: number) => anIphone(8_000 + n);

const CONTENT: ReplyOf<typeof GetAnnouncementContent>["content"] = {
  sender: { name: "Ops" },
  parts: [{ mimeType: "text/plain", body: "hello", encoding: null }],
  notification: { text: "hello" },
};

const SAID: ReplyOf<typeof GetMessageNotification> = { notification: { text: "from Ann" }, sender: { userId: "ann" } };

describe("push-delivery", () => {
  const resources = new AsyncDisposableStack();
  let infra: Infra;
  let phone: Phone;
  let mongo: TcpProxy;
  let probe: BrokerProbe;
  let gateway: Broker;
  let fanOut: Broker;
  let conversation: Broker;
  let directory: Broker;
  let readiness: { check(): Promise<{ ready: boolean }> };
  let asked = 0;
  /** By user: as receipt-tracking counts. */
  const badges = new Map<string, number>();
  const registered: unknown[] = [];
  /** What the directory was told for the audit log. */
  const reports: PayloadOf<typeof ReportDeletion>[] = [];
  const acts: (PayloadOf<typeof RecordAct> & { readonly app: string })[] = [];

  /** Another service's side of the real broker, in this process, with only the rows given. */
  async function openPeer(service: ServiceName, rows: readonly Consumer[]): Promise<Broker> {
    const broker = await openBroker({
      url: infra.amqpUrl,
      service,
      log: testLogger(service),
      metrics: new Registry(),
      readiness: createReadiness(),
      orderedQueues: 2,
      catalogue: rows.flatMap((row) => row.handlers.map(({ contract }) => contract)),
    });
    resources.defer(() => broker.close());
    const consuming = await broker.consume(rows);
    resources.defer(() => consuming.close());
    return broker;
  }

  before(async function () {
    this.timeout(60_000);
    infra = resources.use(await openInfra("push-delivery"));
    phone = resources.use(await aPhone());
    mongo = resources.use(await tcpProxy(infra.mongoUrl("push")));
    probe = resources.use(await probeBroker(infra.amqpUrl));
    // The service waits for the queue of the directory, so that peer is opened first.
    const reportDeletion = on(ReportDeletion, async ({ payload }) => {
      reports.push(payload);
      return ack;
    });
    const recordAct = on(RecordAct, async ({ app, payload }) => {
      acts.push({ app, ...payload });
      return ack;
    });
    directory = await openPeer("directory", [
      consumer({ queue: "directory.devices", handlers: [on(DeviceRegistered, async () => ack)] }),
      consumer({ queue: "directory.admin", handlers: [recordAct] }),
      consumer({ queue: "directory.deletions", handlers: [reportDeletion] }),
    ]);
    const config = loadConfig({
      AMQP_URL: infra.amqpUrl,
      MONGO_URL: mongo.url,
      ORDERED_QUEUES: "2",
      CREDENTIALS_KEY: KEY.toString("base64"),
      FCM_URL: phone.fcmUrl,
      FCM_TOKEN_URL: `${phone.fcmUrl}/token`,
      APNS_URL: phone.fcmUrl,
      WEBPUSH_HOSTS: new URL(phone.fcmUrl).host,
      PUSH_CA_FILE: phone.caFile,
      DUE_POLL_INTERVAL_MS: "50",
    });
    ({ readiness } = resources.use(await startInProcess(start, { name: "push-delivery", config })));
    fanOut = await openPeer("announcement-fanout", [
      consumer({
        queue: "announcement-fanout.queries",
        handlers: [
          on(GetAnnouncementContent, async () => {
            asked += 1;
            return reply({ content: CONTENT });
          }),
        ],
      }),
    ]);
    conversation = await openPeer("conversation", [
      consumer({
        queue: "conversation.queries",
        handlers: [
          on(GetMessageNotification, async () => {
            asked += 1;
            return reply(SAID);
          }),
        ],
      }),
    ]);
    await openPeer("receipt-tracking", [
      consumer({
        queue: "receipt-tracking.queries",
        handlers: [
          on(FindBadges, async ({ payload: { userIds } }) =>
            reply({
              badges: userIds.flatMap((userId) => {
                const badge = badges.get(userId);
                return badge === undefined ? [] : [{ userId, badge }];
              }),
            }),
          ),
        ],
      }),
    ]);
    gateway = await openPeer("gateway", [
      consumer({
        queue: "gateway.devices",
        scope: "instance",
        handlers: [
          on(DeviceRegistered, async ({ payload }) => {
            registered.push(payload);
            return ack;
          }),
        ],
      }),
    ]);
  });
  after(() => resources.disposeAsync());
  afterEach("nothing waits and nothing is dead-lettered", async () => {
    const queues = [...QUEUES, ...DEAD_LETTERS];
    await eventually(() => probe.depths(queues), Object.fromEntries(queues.map((queue) => [queue, 0])));
  });

  const putCredential = (app: string, credential: PushCredential) =>
    gateway.request(PutPushCredential, app, {
      credentialId: randomUUID(),
      kind: credential.kind,
      sealed: seal(KEY, JSON.stringify(credential)),
    });
  const countsOf = async (app: string, announcementId: string) => {
    const { pushed, failed } = await gateway.ask(GetPushCounts, app, { announcementId });
    return { pushed, failed };
  };

  /** What became of her pushes, and which policy decided. */
  const policiesOf = async (app: string, announcementId: string, userId: string) => {
    const { outcomes } = await gateway.ask(GetPushOutcomes, app, { announcementId, userId });
    return outcomes.map(({ outcome, policy = null }) => [outcome, policy]);
  };
  /** As the service has her suspension, which it tells nobody but by its explanations. */
  const wishesOf = async (app: string, userId: string) => {
    const subject = { kind: "announcement", id: null } as const;
    const payload = { userId, subject, category: null, isUrgent: false };
    const { explanation } = await gateway.ask(ExplainPush, app, payload);
    return { isSuspended: explanation?.policy === "suspended" };
  };

  /** An app whose users have a phone each, every other one an iPhone; tokens begin at `first`. */
  async function anApp(count: number, first: number) {
    const app = anAppId();
    for (const credential of Object.values(credentialsOf(phone))) await putCredential(app, credential);
    const users = usersOfOnePartition(count);
    const devices = users.map((_, n) => (n % 2 === 0 ? anIphone(first + n) : anAndroid(first + n)));
    await Promise.all(
      users.map((userId, n) =>
        gateway.request(RegisterDevice, app, {
          userId,
          deviceId: "phone",
          device: devices[n] ?? anAndroid(0),
          at: Date.now(),
        }),
      ),
    );
    return { app, users, tokens: devices.map(({ token }) => token) };
  }

  it("is ready", async () => {
    expect(await readiness.check()).to.have.property("ready", true);
  });

  it("registers devices, tells others, and lists them", async () => {
    const { app, users, tokens } = await anApp(3, 100);
    const [userId = ""] = users;
    const { devices } = await gateway.ask(ListDevices, app, { userId });
    expect(devices.map(({ token }) => token)).to.deep.equal(tokens.slice(0, 1));
    const { registeredAt } = devices[0] ?? {};
    await eventually(
      () => registered.filter((payload) => JSON.stringify(payload).includes(String(registeredAt))).length >= 1,
      true,
    );
  });

  it("gives a phone to its last user, whatever order her predecessors' commands come again in", async () => {
    const app = anAppId();
    const users = usersOfOnePartition(6);
    const command = (n: number) => ({
      userId: users[n] ?? "",
      deviceId: "phone",
      device: anAndroid(200),
      at: 1_000 + n,
    });
    const ids = users.map(() => randomUUID());
    for (const n of [0, 1, 2, 3, 4, 5, 2, 0, 4]) {
      await gateway.request(RegisterDevice, app, command(n), { id: ids[n] ?? "" });
    }
    const owners = await Promise.all(users.map((userId) => gateway.ask(ListDevices, app, { userId })));
    expect(owners.map(({ devices }) => devices.length)).to.deep.equal([0, 0, 0, 0, 0, 1]);
  });

  it("pushes the batches of an announcement to every phone once, though each event comes twice", async () => {
    const { app, users, tokens } = await anApp(200, 1_000);
    const announcementId = randomUUID();
    const before = asked;
    const batches = [users.slice(0, 80), users.slice(80, 160), users.slice(160)].map((recipients, n) => {
      const batchId = `${app}/${announcementId}/07/0/00000${n}`;
      return aBatch(app, recipients, { announcementId, batchId });
    });
    for (const batch of [...batches, ...batches]) await fanOut.emit(BatchStored, app, batch);
    await eventually(() => countsOf(app, announcementId), { pushed: 200, failed: 0 });
    await eventually(() => probe.depth("push-delivery.announcements"), 0);
    expect(tokens.filter((token) => phone.device(token).received_count !== 1)).to.deep.equal([]);
    expect(phone.device(tokens[0] ?? "").shown[0]).to.include({ text: "hello", announcement_id: announcementId });
    expect(asked - before, "content is asked for once").to.equal(1);
  });

  it("pushes a message to every phone of its recipients once, though its event comes twice", async () => {
    const { app, users, tokens } = await anApp(40, 5_000);
    const [sender = "", blocker = "", ...recipients] = users;
    const message = aMessage(recipients, { sender: { userId: sender } });
    const before = asked;
    for (const _ of [1, 2]) await conversation.emit(MessageCreated, app, message);
    const receivedBy = () => tokens.map((token) => phone.device(token).received_count);
    await eventually(receivedBy, [0, 0, ...recipients.map(() => 1)]);
    await eventually(() => probe.depth("push-delivery.messages"), 0);
    expect(receivedBy(), `nothing to ${sender}, who sent it, and to ${blocker}, who blocks him`).to.deep.equal([
      0,
      0,
      ...recipients.map(() => 1),
    ]);
    expect(phone.device(tokens[2] ?? "").shown[0]).to.include({ text: "from Ann", collapse_id: message.messageId });
    expect(asked - before, "what it says is asked for once").to.equal(1);
  });

  it("pushes to a browser, which alone can read it, and forgets its subscription once that has ended", async () => {
    const app = anAppId();
    const { publicKey, privateKey } = webPush.generateVAPIDKeys();
    await putCredential(app, { kind: "webpush", subject: "mailto:ops@shop.example", publicKey, privateKey });
    const [userId = ""] = usersOfOnePartition(1);
    const { endpoint: token, keys: webPushKeys } = phone.subscribe(publicKey);
    const device = anAndroid(0, { platform: "web", kind: "webpush", token, webPushKeys });
    await gateway.request(RegisterDevice, app, { userId, deviceId: "firefox", device, at: Date.now() });
    const first = aBatch(app, [userId]);
    await fanOut.emit(BatchStored, app, first);
    await eventually(() => countsOf(app, first.announcementId), { pushed: 1, failed: 0 });
    expect(phone.device(token).shown[0]).to.deep.include({
      text: "hello",
      collapse_id: first.announcementId,
      payload: {
        body: "hello",
        tag: first.announcementId,
        data: { announcement_id: first.announcementId, user_id: userId },
      },
    });
    phone.unsubscribe(token);
    const second = aBatch(app, [userId]);
    await fanOut.emit(BatchStored, app, second);
    await eventually(async () => (await gateway.ask(ListDevices, app, { userId })).devices, []);
    await eventually(() => countsOf(app, second.announcementId), { pushed: 0, failed: 1 });
  });

  it("pushes without a message to every phone once, though each command comes twice", async () => {
    const { app, users, tokens } = await anApp(40, 7_000);
    const notificationId = randomUUID();
    const said = { notificationId, digest: "a".repeat(64), notification: { text: "by itself" } };
    await gateway.request(AcceptNotification, app, { ...said, recipientCount: 40, groups: 2 });
    const groups = [users.slice(0, 20), users.slice(20)].map((recipients, group) => ({
      notificationId,
      group,
      recipients,
    }));
    for (const group of [...groups, ...groups]) await gateway.send(PushNotification, app, group);
    const known = async () => (await gateway.ask(GetNotification, app, { notificationId })).notification;
    await eventually(async () => (await known())?.pushed, 40);
    await eventually(() => probe.depth("push-delivery.notifications"), 0);
    expect(await known()).to.include({ isPlanned: true, failed: 0 });
    expect(tokens.map((token) => phone.device(token).received_count)).to.deep.equal(tokens.map(() => 1));
    expect(phone.device(tokens[0] ?? "").shown[0]).to.include({ text: "by itself", collapse_id: notificationId });
  });

  it("forgets the phones of a deleted user: she gets nothing more, and the others do", async () => {
    const { app, users, tokens } = await anApp(2, 6_000);
    const [deleted = ""] = users;
    await directory.emit(UserDeleted, app, { userId: deleted, at: Date.now() });
    await eventually(async () => (await gateway.ask(ListDevices, app, { userId: deleted })).devices, []);
    const told = () => reports.filter(({ userId }) => userId === deleted).map(({ counts, isDone }) => [counts, isDone]);
    await eventually(() => told().length, 2);
    expect(told()[0]).to.have.nested.property("[0].devices", 1);
    expect(told().map(([, isDone]) => isDone)).to.deep.equal([false, true]);
    await conversation.emit(MessageCreated, app, aMessage(users));
    await eventually(() => tokens.map((token) => phone.device(token).received_count), [0, 1]);
  });

  it("pushes nothing to a user from the event of her suspension until that of its end, and to the others all the while", async () => {
    const { app, users, tokens } = await anApp(2, 9_000);
    const [suspended = ""] = users;
    const received = () => tokens.map((token) => phone.device(token).received_count);
    const suspension = (isSuspended: boolean, version: number) =>
      directory.emit(UserSuspended, app, { userId: suspended, isSuspended, version, at: Date.now() });
    const announce = async () => {
      const batch = aBatch(app, users);
      await fanOut.emit(BatchStored, app, batch);
      return batch.announcementId;
    };
    await suspension(true, 2);
    await eventually(() => wishesOf(app, suspended), { isSuspended: true });
    const first = await announce();
    await eventually(() => countsOf(app, first), { pushed: 1, failed: 0 });
    expect(await policiesOf(app, first, suspended)).to.deep.equal([["skipped", "suspended"]]);
    expect(received()).to.deep.equal([0, 1]);
    // What comes late says nothing new.
    await suspension(false, 1);
    await eventually(() => probe.depth("push-delivery.suspended-users"), 0);
    const second = await announce();
    await eventually(() => countsOf(app, second), { pushed: 1, failed: 0 });
    expect(received()).to.deep.equal([0, 2]);

    await suspension(false, 3);
    await eventually(() => wishesOf(app, suspended), { isSuspended: false });
    const third = await announce();
    await eventually(() => countsOf(app, third), { pushed: 2, failed: 0 });
    expect(received()).to.deep.equal([1, 3]);
  });

  it("obeys what a user wants from the next push on: what she opted out of is in the ledger with its policy", async () => {
    const { app, users, tokens } = await anApp(2, 9_100);
    const [ann = "", bob = ""] = users;
    const announce = async (category: string) => {
      const batch = aBatch(app, users, { category });
      await fanOut.emit(BatchStored, app, batch);
      return batch.announcementId;
    };
    const want = (isWanted: boolean | null) =>
      gateway.request(ChangePushPreferences, app, {
        userId: ann,
        changes: { categories: { offers: isWanted } },
        at: Date.now(),
      });
    expect(await want(false)).to.have.deep.property("categories", { offers: false });
    const offer = await announce("offers");
    await eventually(() => countsOf(app, offer), { pushed: 1, failed: 0 });
    expect(await policiesOf(app, offer, ann)).to.deep.equal([["skipped", "opted_out"]]);
    expect(await policiesOf(app, offer, bob)).to.deep.equal([["accepted", null]]);
    const { skippedByPolicy } = await gateway.ask(GetPushCounts, app, { announcementId: offer });
    expect(skippedByPolicy).to.deep.equal({ opted_out: 1 });
    const alarm = await announce("alarms");
    await eventually(() => countsOf(app, alarm), { pushed: 2, failed: 0 });

    expect(await want(null)).to.have.deep.property("categories", {});
    const next = await announce("offers");
    await eventually(() => countsOf(app, next), { pushed: 2, failed: 0 });
    expect(tokens.map((token) => phone.device(token).received_count)).to.deep.equal([2, 3]);
  });

  it("pushes the number that an app counts itself to iPhones, and nothing where there is none", async () => {
    const { app, users, tokens } = await anApp(4, 9_200);
    const [apple = "", android = "", uncounted = ""] = users;
    badges.set(apple, 12).set(android, 5);
    const change = (userId: string, externalUnread: number) =>
      directory.emit(ExternalUnreadChanged, app, { userId, externalUnread, version: 2 });
    for (const userId of [apple, android, uncounted]) await change(userId, 7);
    const [token = ""] = tokens;
    await eventually(() => phone.device(token).received_count, 1);
    await eventually(() => probe.depth("push-delivery.badges"), 0);
    expect(tokens.map((one) => phone.device(one).received_count)).to.deep.equal([1, 0, 0, 0]);
    const [push] = phone.device(token).received;
    expect(push).to.have.nested.property("payload.aps.badge", 12);
    expect(push).to.not.have.nested.property("payload.aps.alert");
    badges.set(apple, 0);
    await change(apple, 0);
    await eventually(() => phone.device(token).received_count, 2);
    expect(phone.device(token).received[1]).to.have.nested.property("payload.aps.badge", 0);
  });

  it("sends nothing that waited to a phone whose user has logged out, or is another by now", async () => {
    const app = anAppId();
    const { apns } = credentialsOf(phone);
    if (apns.kind !== "apns") throw new Error("an APNs key");
    const credentialId = randomUUID();
    const put = (credential: PushCredential) =>
      gateway.request(PutPushCredential, app, {
        credentialId,
        kind: "apns",
        sealed: seal(KEY, JSON.stringify(credential)),
        check: false,
      });
    const users = usersOfOnePartition(4);
    const [ann = "", bob = "", cid = "", dee = ""] = users;
    const registerAs = (userId: string, n: number) =>
      gateway.request(RegisterDevice, app, { userId, deviceId: "phone", device: waitingPhone(n), at: Date.now() });
    for (const [n, userId] of [ann, bob, cid].entries()) await registerAs(userId, n);
    // With a key that does not sign everything waits, for as long as this test takes.
    await put({ ...apns, privateKey: "no key at all" });
    const waiting = aBatch(app, [ann, bob, cid]);
    await fanOut.emit(BatchStored, app, waiting);
    await eventually(() => probe.depth("push-delivery.announcements"), 0);

    // Ann logs out; Dee logs in on Bob's phone; Cid's gets another token.
    const removal = { userId: ann, deviceId: "phone", token: waitingPhone(0).token, at: Date.now() + 1 };
    await gateway.request(RemoveDevice, app, removal);
    await registerAs(dee, 1);
    await registerAs(cid, 3);
    await put(apns);
    const later = aBatch(app, users);
    const reached = { deadlineMs: 15_000 };
    await eventually(() => countsOf(app, waiting.announcementId), { pushed: 1, failed: 2 }, reached);
    const { failedByReason } = await gateway.ask(GetPushCounts, app, { announcementId: waiting.announcementId });
    expect(failedByReason).to.deep.equal({ device_removed: 2 });
    await fanOut.emit(BatchStored, app, later);
    await eventually(() => countsOf(app, later.announcementId), { pushed: 2, failed: 0 });
    const receivedOn = (n: number) => phone.device(waitingPhone(n).token).received.map(({ user_id }) => user_id);
    expect([0, 1, 2, 3].map(receivedOn)).to.deep.equal([[], [dee], [], [cid, cid]]);
  });

  it("answers 503 to questions while MongoDB is away, and pushes what came meanwhile once it is back", async () => {
    const { app, users, tokens } = await anApp(10, 2_000);
    const batch = aBatch(app, users);
    mongo.pause();
    await fanOut.emit(BatchStored, app, batch);
    const failure = await countsOf(app, batch.announcementId).catch((error: unknown) => error);
    expect(failure).to.have.property("code", "service_unavailable");
    mongo.resume();
    await eventually(() => countsOf(app, batch.announcementId), { pushed: 10, failed: 0 }, { deadlineMs: 20_000 });
    expect(tokens.map((token) => phone.device(token).received_count)).to.deep.equal(tokens.map(() => 1));
  });

  it("sends through the due rows what a provider could not take, without holding up the queue", async () => {
    const { app, users, tokens } = await anApp(2, 3_000);
    const batch = aBatch(app, users);
    for (const token of tokens) phone.addFault({ token, answer: { status: 503 }, times: 1 });
    await fanOut.emit(BatchStored, app, batch);
    await eventually(() => countsOf(app, batch.announcementId), { pushed: 2, failed: 0 });
    expect(tokens.map((token) => phone.device(token).received_count)).to.deep.equal([1, 1]);
  });

  it("takes a credential up that was put while pushes were waiting for it", async () => {
    const app = anAppId();
    const { apns } = credentialsOf(phone);
    if (apns.kind !== "apns") throw new Error("an APNs key");
    const users = usersOfOnePartition(1);
    const device = anIphone(4_000);
    await gateway.request(RegisterDevice, app, { userId: users[0] ?? "", deviceId: "phone", device, at: Date.now() });
    // A key that does not sign: Apple is not even asked, neither before it is stored.
    const credentialId = randomUUID();
    const put = (credential: PushCredential) =>
      gateway.request(PutPushCredential, app, {
        credentialId,
        kind: "apns",
        sealed: seal(KEY, JSON.stringify(credential)),
        check: false,
      });
    await put({ ...apns, privateKey: "no key at all" });
    const batch = aBatch(app, users);
    await fanOut.emit(BatchStored, app, batch);
    await eventually(() => probe.depth("push-delivery.announcements"), 0);
    expect(await countsOf(app, batch.announcementId)).to.deep.equal({ pushed: 0, failed: 0 });
    await put(apns);
    await eventually(() => countsOf(app, batch.announcementId), { pushed: 1, failed: 0 }, { deadlineMs: 15_000 });
  });

  it("tries a credential before it is stored, tells how it stands, sends a canary through it, and removes it", async () => {
    const app = anAppId();
    const credentialId = randomUUID();
    const { fcm } = credentialsOf(phone);
    const put = () =>
      gateway.request(PutPushCredential, app, { credentialId, kind: "fcm", sealed: seal(KEY, JSON.stringify(fcm)) });
    const list = async () =>
      (await gateway.ask(ListPushCredentials, app, { credentialId: null })).credentials.map(({ state }) => state);
    phone.addFault({ reason: "PERMISSION_DENIED", times: 1 });
    expect(await put().catch((error: unknown) => error)).to.have.property("code", "invalid_property");
    expect(await list()).to.deep.equal([]);
    await put();
    expect(await list()).to.deep.equal(["ok"]);
    const target = { token: anAndroid(5_000).token };
    const canary = { credentialId, target, notification: { text: "canary" } };
    expect(await gateway.request(SendCanary, app, canary)).to.include({ isAccepted: true, status: 200 });
    expect(phone.device(target.token).received_count).to.equal(1);
    expect(await gateway.request(DeletePushCredential, app, { credentialId })).to.deep.equal({ isKnown: true });
    const actions = () => acts.filter((act) => act.app === app).map(({ action }) => action);
    await eventually(actions, ["push_credential.set", "push_credential.removed"]);
    expect(await list()).to.deep.equal([]);
  });

  it("refuses a credential that it could not open", async () => {
    const refusal = await gateway
      .request(PutPushCredential, anAppId(), { credentialId: randomUUID(), kind: "fcm", sealed: "v1.a.b.c" })
      .catch((error: unknown) => error);
    expect(refusal).to.have.property("code", "invalid_property");
  });
});
