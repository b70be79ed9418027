import { randomUUID } from "node:crypto";
import type { AcceptNotification, Notification, PayloadOf } from "@strata/contracts";
import type { Phone } from "@strata/phone";
import { anAppId, eventually } from "@strata/testing";
import { expect } from "chai";
import { aPhone } from "../../test/provider-fixture.ts";
import { aDelivery, anAndroid, anIphone, openPusher, type Pusher } from "../../test/support.ts";
import { startDuePushes } from "../due-pushes.ts";
import { acceptNotification } from "./accept-notification.ts";
import { getNotification } from "./get-notification.ts";
import { getPushCounts } from "./get-push-counts.ts";
import { pushNotification } from "./push-notification.ts";

const meaning = (notification: Notification, groups = 1): PayloadOf<typeof AcceptNotification> => ({
  notificationId: randomUUID(),
  digest: "a".repeat(64),
  notification,
  recipientCount: 4,
  groups,
});
const accepted = (isPlanned: boolean) => ({ kind: "reply", reply: { outcome: "accepted", isPlanned } });
const inUse = (isPlanned: boolean) => ({ kind: "reply", reply: { outcome: "in-use", isPlanned } });

describe("a push without a message", () => {
  let phone: Phone;
  let pusher: Pusher;
  before(async () => {
    phone = await aPhone();
    pusher = await openPusher("push-notification", phone);
  });
  after(async () => {
    await pusher[Symbol.asyncDispose]();
    await phone.close();
  });
  afterEach(() => phone.removeFaults());

  let nextToken = 0;
  const aToken = () => (nextToken += 1);
  const push = (app: string, notificationId: string, recipients: readonly string[], group = 0) =>
    pushNotification(pusher.deps)(aDelivery({ notificationId, group, recipients: [...recipients] }, { app }));
  const accept = (app: string, payload: PayloadOf<typeof AcceptNotification>, id: string = randomUUID()) =>
    acceptNotification(pusher.deps)(aDelivery(payload, { app, id }));
  const known = async (app: string, notificationId: string) => {
    const outcome = await getNotification(pusher.deps)(aDelivery({ notificationId }, { app }));
    if (outcome.kind !== "reply") throw new Error(outcome.kind);
    return outcome.reply.notification;
  };
  const receivedBy = (tokens: readonly string[]) => tokens.map((token) => phone.device(token).received_count);

  async function anApp(count: number) {
    const app = anAppId();
    await pusher.putCredentials(app);
    const users = Array.from({ length: count }, (_, n) => `user ${n}/${app.slice(0, 4)}`);
    const devices = users.map((_, index) => (index % 2 === 0 ? anIphone(aToken()) : anAndroid(aToken())));
    for (const [index, device] of devices.entries()) await pusher.register(app, users[index] ?? "", device);
    return { app, users, tokens: devices.map(({ token }) => token) };
  }

  it("goes to the devices of its recipients, whoever has none passed over, under its own id", async () => {
    const { app, users, tokens } = await anApp(4);
    const said = meaning({ text: "for all", recipients: { [users[1] ?? ""]: { text: "for you" } } });
    const { notificationId } = said;
    await accept(app, said);
    expect(await push(app, notificationId, [...users, "nobody"])).to.deep.equal({ kind: "ack" });
    const got = tokens.map((token) => phone.device(token).received);
    expect(got.map((one) => one.map(({ text }) => text))).to.deep.equal([
      ["for all"],
      ["for you"],
      ["for all"],
      ["for all"],
    ]);
    expect(got[0]?.[0]).to.include({ collapse_id: notificationId });
    expect(got[0]?.[0]?.payload).to.deep.include({ strata: { notification_id: notificationId, user_id: users[0] } });
    expect(got[1]?.[0]?.payload).to.have.nested.property("data.notification_id", notificationId);
    expect(await known(app, notificationId)).to.deep.include({
      recipientCount: 4,
      isPlanned: true,
      pushed: 4,
      failed: 0,
      pushedByPlatform: { ios: 2, android: 2, web: 0 },
      failedByReason: {},
    });
  });

  it("is pushed once, however often its commands come, and its groups side by side", async () => {
    const { app, users, tokens } = await anApp(4);
    const said = meaning({ text: "once" }, 2);
    await accept(app, said);
    for (const _ of [1, 2]) {
      await push(app, said.notificationId, users.slice(0, 2), 0);
      await push(app, said.notificationId, users.slice(2), 1);
    }
    expect(receivedBy(tokens)).to.deep.equal([1, 1, 1, 1]);
  });

  it("knows a repeat from something else under its id, and goes on with it until all of it is planned", async () => {
    const { app, users } = await anApp(2);
    const said = meaning({ text: "mine" }, 2);
    const key = randomUUID();
    const answer = (payload: typeof said, id?: string) => accept(app, payload, id);
    expect(await answer(said, key)).to.deep.equal(accepted(false));
    expect(await answer({ ...said, digest: "b".repeat(64), notification: { text: "theirs" } })).to.deep.equal(
      inUse(false),
    );
    await push(app, said.notificationId, users.slice(0, 1), 0);
    expect(await answer(said)).to.deep.equal(accepted(false));
    await push(app, said.notificationId, users.slice(1), 1);
    expect(await answer(said)).to.deep.equal(inUse(true));
    expect(await answer(said, key)).to.deep.equal(accepted(true));
    expect((await pusher.deps.pushNotifications.find(app, said.notificationId))?.notification).to.deep.equal({
      text: "mine",
    });
  });

  it("waits, says the same later, and is given up when its time to live is over", async () => {
    const { app, users, tokens } = await anApp(2);
    const said = meaning({ text: "patient", ttl: 60 });
    await accept(app, said);
    for (const token of tokens) phone.addFault({ token, answer: { status: 503 }, times: 1 });
    await push(app, said.notificationId, users);
    expect(await known(app, said.notificationId)).to.include({ pushed: 0, waiting: 2 });
    const due = startDuePushes(pusher.deps, 20);
    try {
      await eventually(async () => (await known(app, said.notificationId))?.pushed, 2);
      expect(await known(app, said.notificationId)).to.include({ waiting: 0 });
      const late = meaning({ text: "late", ttl: 0 });
      await accept(app, late);
      await push(app, late.notificationId, users);
      expect(await known(app, late.notificationId)).to.deep.include({ failed: 0, expired: 2 });
    } finally {
      await due.close();
    }
    expect(tokens.map((token) => phone.device(token).shown.map(({ text }) => text))).to.deep.equal([
      ["patient"],
      ["patient"],
    ]);
  });

  it("is removed behind its last push, and kept for a week", async () => {
    const app = anAppId();
    const rows = pusher.deps.db.collection<{ _id: string; purgeAt: Date; at: number }>("push_notifications");
    const keptMs = async (ttl: number) => {
      const said = meaning({ text: "short", ttl });
      await accept(app, said);
      const row = await rows.findOne({ _id: `${app}/${said.notificationId}` });
      return Number(row?.purgeAt) - Number(row?.at);
    };
    expect(await keptMs(60)).to.equal(7 * 86_400_000);
    expect(await keptMs(28 * 86_400)).to.be.greaterThan(28 * 86_400_000);
    const indexes = await rows.indexes();
    expect(indexes.find(({ key }) => "purgeAt" in key)).to.have.property("expireAfterSeconds", 0);
  });

  it("has counts of its own, beside an announcement's with its id and another app's", async () => {
    const { app, users } = await anApp(2);
    const said = meaning({ text: "mine" });
    await accept(app, said);
    await push(app, said.notificationId, users);
    const counts = await getPushCounts(pusher.deps)(aDelivery({ announcementId: said.notificationId }, { app }));
    expect(counts).to.have.nested.property("reply.pushed", 0);
    expect(await known(anAppId(), said.notificationId)).to.equal(null);
  });

  it("dead-letters a group of what was never accepted", async () => {
    expect(await push(anAppId(), randomUUID(), ["ann"])).to.deep.include({ kind: "dead-letter" });
  });
});
