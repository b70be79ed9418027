import { randomUUID } from "node:crypto";
import { type MessageCreated, partitionOf, type PayloadOf } from "@strata/contracts";
import type { Delivery } from "@strata/messaging";
import type { Phone } from "@strata/phone";
import { anAppId, eventually } from "@strata/testing";
import { expect } from "chai";
import { aPhone } from "../../test/provider-fixture.ts";
import { aBatch, aDelivery, aMessage, anAndroid, anIphone, openPusher, type Pusher } from "../../test/support.ts";
import { startDuePushes } from "../due-pushes.ts";
import { forgetUser } from "./forget-user.ts";
import { getPushCounts } from "./get-push-counts.ts";
import { pushBatch } from "./push-batch.ts";
import { pushMessage } from "./push-message.ts";

type Created = Delivery<PayloadOf<typeof MessageCreated>>;

describe("pushMessage", () => {
  let phone: Phone;
  let pusher: Pusher;
  before(async () => {
    phone = await aPhone();
    pusher = await openPusher("push-message", phone);
  });
  after(async () => {
    await pusher[Symbol.asyncDispose]();
    await phone.close();
  });
  afterEach(() => phone.removeFaults());

  let nextToken = 0;
  const aToken = () => (nextToken += 1);
  const push = (delivery: Created, changes: Partial<Pusher["deps"]> = {}) =>
    pushMessage({ ...pusher.deps, ...changes })(delivery);
  const rowsOf = ({ app, payload }: Created) => pusher.deps.chunks.ofPlan(`${app}/message/${payload.messageId}`);
  const outcomesOf = async (delivery: Created) => (await rowsOf(delivery)).flatMap(({ outcomes }) => outcomes);
  const receivedBy = (tokens: readonly string[]) => tokens.map((token) => phone.device(token).received_count);
  const shownOn = (tokens: readonly string[]) => tokens.map((token) => phone.device(token).shown_count);

  /** An app with credentials, users of many partitions with one phone each (every other an iPhone), and a message to all. */
  async function aSentMessage(count: number, changes: Partial<PayloadOf<typeof MessageCreated>> = {}) {
    const app = anAppId();
    await pusher.putCredentials(app);
    const users = Array.from({ length: count }, (_, n) => `member ${n}/${app.slice(0, 4)}`);
    const devices = users.map((_, index) => (index % 2 === 0 ? anIphone(aToken()) : anAndroid(aToken())));
    for (const [index, device] of devices.entries()) await pusher.register(app, users[index] ?? "", device);
    const message = aMessage(users, changes);
    pusher.notifications.set(message.messageId, { title: "Ann", text: "hello" });
    return { app, users, tokens: devices.map(({ token }) => token), delivery: aDelivery(message, { app }) };
  }

  it("pushes to all devices of its recipients, whatever partitions they are in, with one plan", async () => {
    const { users, tokens, delivery } = await aSentMessage(20);
    expect(new Set(users.map(partitionOf)).size).to.be.greaterThan(5);
    expect(await push(delivery)).to.deep.equal({ kind: "ack" });
    expect(receivedBy(tokens)).to.deep.equal(tokens.map(() => 1));
    expect((await outcomesOf(delivery)).map(({ user }) => user)).to.have.members(users);
    expect(await rowsOf(delivery), "a chunk per credential").to.have.lengthOf(2);
  });

  it("is remembered for a month after its last moment; what became of an announcement's pushes, for good", async () => {
    const { app, users, delivery } = await aSentMessage(1);
    await push(delivery);
    const [row] = await rowsOf(delivery);
    expect(Number(row?.purgeAt)).to.equal(Number(row?.expiresAt) + 30 * 86_400_000);
    const batch = aBatch(app, users);
    pusher.notifications.set(batch.announcementId, { text: "to all" });
    await pushBatch(pusher.deps)(aDelivery(batch, { app }));
    const [counted] = await pusher.deps.chunks.ofPlan(batch.batchId);
    expect(counted).to.include({ accepted: 1 }).and.not.have.property("purgeAt");
    const indexes = await pusher.deps.db.collection("push_chunks").indexes();
    expect(indexes.find(({ key }) => "purgeAt" in key)).to.include({ expireAfterSeconds: 0, sparse: true });
  });

  it("tells the phone which message of which conversation it is, with the message as collapse id", async () => {
    const { users, tokens, delivery } = await aSentMessage(2);
    const { messageId, conversationId } = delivery.payload;
    await push(delivery);
    const [iphone, android] = tokens.map((token) => phone.device(token).received[0]);
    const ours = { conversation_id: conversationId, message_id: messageId };
    expect(iphone).to.include({ collapse_id: messageId, title: "Ann", text: "hello", announcement_id: null });
    expect(iphone?.payload)
      .to.have.property("strata")
      .that.deep.equals({ ...ours, user_id: users[0] });
    expect(android).to.include({ collapse_id: messageId, title: "Ann", text: "hello", announcement_id: null });
    expect(android?.payload)
      .to.have.property("data")
      .that.includes({ ...ours, user_id: users[1] });
  });

  it("says to each recipient what was meant for her, who inherits what her override leaves out", async () => {
    const { users, tokens, delivery } = await aSentMessage(4);
    const [first = "", second = ""] = users;
    const recipients = { [first]: { text: "for you" }, [second]: { title: "You" } };
    pusher.notifications.set(delivery.payload.messageId, { title: "Ann", text: "for all", recipients });
    await push(delivery);
    const said = tokens.map((token) => phone.device(token).received[0]);
    expect(said.map((one) => [one?.title, one?.text])).to.deep.equal([
      ["Ann", "for you"],
      ["You", "for all"],
      ["Ann", "for all"],
      ["Ann", "for all"],
    ]);
  });

  it("wakes silently whom no override names where there is nothing for all", async () => {
    const { users, tokens, delivery } = await aSentMessage(2);
    const [first = ""] = users;
    pusher.notifications.set(delivery.payload.messageId, { recipients: { [first]: { text: "for you" } } });
    await push(delivery);
    expect(tokens.map((token) => phone.device(token).received.map(({ silent }) => silent))).to.deep.equal([
      [false],
      [true],
    ]);
  });

  it("wakes phones silently where a message has no notification, and plans nothing where there are no phones", async () => {
    const { app, tokens, delivery } = await aSentMessage(2, { hasNotification: false });
    await push(delivery);
    expect(receivedBy(tokens)).to.deep.equal([1, 1]);
    expect(shownOn(tokens)).to.deep.equal([0, 0]);
    const toNobody = aDelivery(aMessage(["has no phone"], { hasNotification: false }), { app });
    expect(await push(toNobody)).to.deep.equal({ kind: "ack" });
    expect(await rowsOf(toNobody)).to.deep.equal([]);
  });

  it("pushes to nobody who is not named as a recipient: the sender, and who blocks him", async () => {
    const { app, delivery } = await aSentMessage(2);
    const [sender, blocker] = [anAndroid(aToken()), anIphone(aToken())];
    await pusher.register(app, "sender", sender);
    await pusher.register(app, "blocker", blocker);
    await push({ ...delivery, payload: { ...delivery.payload, sender: { userId: "sender" } } });
    expect(receivedBy([sender.token, blocker.token])).to.deep.equal([0, 0]);
  });

  it("pushes a message once though it comes again, under its own or another id, at once or later", async () => {
    const { tokens, delivery } = await aSentMessage(30);
    await Promise.all([push(delivery), push(delivery), push({ ...delivery, id: randomUUID() })]);
    await push({ ...delivery, id: randomUUID(), isRedelivered: true });
    expect(receivedBy(tokens)).to.deep.equal(tokens.map(() => 1));
    expect(await outcomesOf(delivery)).to.have.lengthOf(30);
  });

  it("sends a message again that a process was killed over, and the phone shows it once", async () => {
    const { tokens, delivery } = await aSentMessage(10);
    const { chunks } = pusher.deps;
    const killed = { ...chunks, settle: () => Promise.reject(new Error("killed")), renew: async () => undefined };
    const failure = await push(delivery, { chunks: killed, leaseMs: 300 }).catch((error: unknown) => error);
    expect(failure).to.be.instanceOf(Error);
    expect(await push(delivery)).to.deep.equal({ kind: "ack" });
    expect(receivedBy(tokens)).to.deep.equal(tokens.map(() => 1));
    const duePushes = startDuePushes(pusher.deps, 20);
    await eventually(async () => (await outcomesOf(delivery)).length, 10);
    await duePushes.close();
    expect(receivedBy(tokens)).to.deep.equal(tokens.map(() => 2));
    expect(shownOn(tokens)).to.deep.equal(tokens.map(() => 1));
  });

  it("pushes nothing of a message that was deleted meanwhile", async () => {
    const { tokens, delivery } = await aSentMessage(2);
    pusher.notifications.set(delivery.payload.messageId, null);
    await push(delivery);
    expect(receivedBy(tokens)).to.deep.equal([0, 0]);
    expect((await outcomesOf(delivery)).map(({ reason }) => reason)).to.deep.equal(["message_gone", "message_gone"]);
  });

  it("pushes nothing of a message that was deleted while its push had to wait", async () => {
    const { tokens, delivery } = await aSentMessage(2);
    const faults = ["UNAVAILABLE", "ServiceUnavailable"].map((reason) => phone.addFault({ reason }));
    await push(delivery);
    pusher.notifications.set(delivery.payload.messageId, null);
    for (const id of faults) phone.removeFaults({ id });
    const duePushes = startDuePushes(pusher.deps, 50);
    await eventually(
      async () => (await outcomesOf(delivery)).map(({ reason }) => reason),
      ["message_gone", "message_gone"],
    );
    await duePushes.close();
    expect(receivedBy(tokens)).to.deep.equal([0, 0]);
  });

  it("pushes an announcement and a message of the same id, and counts them apart", async () => {
    const { app, users, tokens, delivery } = await aSentMessage(1);
    const announcementId = delivery.payload.messageId;
    await push(delivery);
    await pushBatch(pusher.deps)(aDelivery(aBatch(app, users, { announcementId }), { app }));
    expect(receivedBy(tokens)).to.deep.equal([2]);
    const counts = await getPushCounts(pusher.deps)(aDelivery({ announcementId }, { app }));
    expect(counts).to.have.deep.nested.property("reply.pushed", 1);
    expect(counts).to.have.deep.nested.property("reply.failed", 0);
  });

  it("drops a push to a user who was forgotten while it waited, and keeps no word of it", async () => {
    const { app, users, tokens, delivery } = await aSentMessage(4);
    const [first = "", , third = ""] = users;
    const faults = ["UNAVAILABLE", "ServiceUnavailable"].map((reason) => phone.addFault({ reason }));
    await push(delivery);
    const forget = forgetUser(pusher.deps);
    await forget(aDelivery({ userId: first, at: Date.now() }, { app }));
    await forget(aDelivery({ userId: third, at: Date.now() }, { app: anAppId() }));
    for (const id of faults) phone.removeFaults({ id });
    const duePushes = startDuePushes(pusher.deps, 50);
    await eventually(async () => (await outcomesOf(delivery)).map(({ user }) => user).toSorted(), users.slice(1));
    await eventually(async () => (await rowsOf(delivery)).flatMap(({ pending }) => pending), []);
    await duePushes.close();
    expect(receivedBy(tokens)).to.deep.equal([0, 1, 1, 1]);
  });

  it("leaves nobody else's pushes behind those whose words are not known at the moment", async () => {
    const messages = [await aSentMessage(2), await aSentMessage(2), await aSentMessage(2)];
    const faults = ["UNAVAILABLE", "ServiceUnavailable"].map((reason) => phone.addFault({ reason }));
    for (const { delivery } of messages) await push(delivery);
    const { app, users, tokens } = await aSentMessage(2);
    const batch = aDelivery(aBatch(app, users.slice(0, 1), { hasNotification: false }), { app });
    await pushBatch(pusher.deps)(batch);
    for (const id of faults) phone.removeFaults({ id });

    let asked = 0;
    let isAway = true;
    const notifications: Pusher["deps"]["notifications"] = {
      async of(pushed, userIds) {
        if (pushed.subject.kind === "announcement" || !isAway) return pusher.deps.notifications.of(pushed, userIds);
        asked += 1;
        throw new Error("conversation is away");
      },
    };
    const duePushes = startDuePushes({ ...pusher.deps, notifications, leaseMs: 300 }, 50);
    await eventually(() => receivedBy(tokens), [1, 0]);
    expect(asked, "four workers may ask at the same time").to.be.within(0, 4);
    isAway = false;
    await eventually(() => messages.flatMap((message) => receivedBy(message.tokens)), [1, 1, 1, 1, 1, 1], {
      deadlineMs: 20_000,
    });
    await duePushes.close();
  }).timeout(30_000);
});
