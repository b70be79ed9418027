import { randomUUID } from "node:crypto";
import type { BatchStored, PayloadOf } from "@strata/contracts";
import type { Delivery } from "@strata/messaging";
import type { Phone } from "@strata/phone";
import { seal } from "@strata/runtime";
import { anAppId, eventually } from "@strata/testing";
import { expect } from "chai";
import { z } from "zod";
import { aPhone } from "../../test/provider-fixture.ts";
import {
  aBatch,
  aDelivery,
  anAndroid,
  anIphone,
  credentialsOf,
  openPusher,
  type Pusher,
  usersOfOnePartition,
} from "../../test/support.ts";
import { startDuePushes } from "../due-pushes.ts";
import type { CredentialChoice, OpenCredential } from "../push-providers.ts";
import { getPushCounts } from "./get-push-counts.ts";
import { pushBatch } from "./push-batch.ts";
import { putPushCredential } from "./put-push-credential.ts";

type Batch = Delivery<PayloadOf<typeof BatchStored>>;

/** The same credentials, whose providers take until `answered` for every send. */
async function slowChoice(choosing: Promise<CredentialChoice>, answered: Promise<void>): Promise<CredentialChoice> {
  const choose = await choosing;
  const slowed = new Map<string, OpenCredential>();
  return (device) => {
    const credential = choose(device);
    if (credential === null) return null;
    const { provider, credentialId } = credential;
    const send: typeof provider.send = (pushes) => answered.then(() => provider.send(pushes));
    const slow = slowed.get(credentialId) ?? {
      ...credential,
      provider: {
        kind: provider.kind,
        send,
        ask: (...asked) => provider.ask(...asked),
        close: () => provider.close(),
      },
    };
    slowed.set(credentialId, slow);
    return slow;
  };
}

describe("pushBatch", () => {
  let phone: Phone;
  let pusher: Pusher;
  before(async () => {
    phone = await aPhone();
    pusher = await openPusher("push-batch", phone);
  });
  after(async () => {
    await pusher[Symbol.asyncDispose]();
    await phone.close();
  });
  afterEach(() => phone.removeFaults());

  let nextToken = 0;
  const aToken = () => (nextToken += 1);
  const push = (delivery: Batch, changes: Partial<Pusher["deps"]> = {}) =>
    pushBatch({ ...pusher.deps, ...changes })(delivery);
  const outcomesOf = async ({ payload }: Batch) =>
    (await pusher.deps.chunks.ofPlan(payload.batchId)).flatMap(({ outcomes }) => outcomes);
  const pendingOf = async ({ payload }: Batch) =>
    (await pusher.deps.chunks.ofPlan(payload.batchId)).flatMap(({ pending }) => pending);
  const countsOf = async ({ app, payload }: Batch) => {
    const outcome = await getPushCounts(pusher.deps)(aDelivery({ announcementId: payload.announcementId }, { app }));
    if (outcome.kind !== "reply") throw new Error(`no reply but ${outcome.kind}`);
    const { pushed, failed } = outcome.reply;
    return { pushed, failed };
  };

  /** An app with credentials, users with one phone each (every other an iPhone), and a batch for all of them. */
  async function anAnnouncement(count: number, changes: Partial<PayloadOf<typeof BatchStored>> = {}) {
    const app = anAppId();
    await pusher.putCredentials(app);
    const users = usersOfOnePartition(count);
    const devices = users.map((_, index) => (index % 2 === 0 ? anIphone(aToken()) : anAndroid(aToken())));
    for (const [index, device] of devices.entries()) await pusher.register(app, users[index] ?? "", device);
    const batch = aBatch(app, users, changes);
    pusher.notifications.set(batch.announcementId, { title: "News", text: "for all" });
    return { app, users, tokens: devices.map(({ token }) => token), delivery: aDelivery(batch, { app }) };
  }

  const shownOn = (tokens: readonly string[]) => tokens.map((token) => phone.device(token).shown_count);
  const receivedBy = (tokens: readonly string[]) => tokens.map((token) => phone.device(token).received_count);

  it("pushes to every device of its recipients, over both protocols, and keeps what became of each", async () => {
    const { users, tokens, delivery } = await anAnnouncement(20);
    expect(await push(delivery)).to.deep.equal({ kind: "ack" });
    expect(receivedBy(tokens)).to.deep.equal(tokens.map(() => 1));
    const outcomes = await outcomesOf(delivery);
    expect(outcomes.map(({ user }) => user)).to.have.members(users);
    expect(outcomes.every(({ outcome, providerId }) => outcome === "accepted" && providerId !== null)).to.equal(true);
    expect(await countsOf(delivery)).to.deep.equal({ pushed: 20, failed: 0 });
    expect(await pendingOf(delivery)).to.deep.equal([]);
  });

  it("tells the phone whose push it is and of what, with the announcement as collapse id", async () => {
    const { users, tokens, delivery } = await anAnnouncement(2);
    await push(delivery);
    for (const [index, token] of tokens.entries()) {
      expect(phone.device(token).received[0]).to.include({
        collapse_id: delivery.payload.announcementId,
        announcement_id: delivery.payload.announcementId,
        user_id: users[index],
        title: "News",
        text: "for all",
        silent: false,
      });
    }
  });

  it("says to each recipient what was meant for her", async () => {
    const { users, tokens, delivery } = await anAnnouncement(2);
    const [first = ""] = users;
    const recipients = { [first]: { text: "for you" } };
    pusher.notifications.set(delivery.payload.announcementId, { text: "for all", recipients });
    await push(delivery);
    expect(tokens.map((token) => phone.device(token).received[0]?.text)).to.deep.equal(["for you", "for all"]);
  });

  it("wakes phones silently where an announcement has no notification", async () => {
    const { tokens, delivery } = await anAnnouncement(2, { hasNotification: false });
    await push(delivery);
    expect(tokens.map((token) => phone.device(token).received.map(({ silent }) => silent))).to.deep.equal([
      [true],
      [true],
    ]);
    expect(shownOn(tokens)).to.deep.equal([0, 0]);
  });

  it("pushes to all devices of a user, and to nobody but the recipients", async () => {
    const { app, users, delivery } = await anAnnouncement(1);
    const [second, stranger] = [anAndroid(aToken()), anAndroid(aToken())];
    await pusher.register(app, users[0] ?? "", second);
    await pusher.register(app, usersOfOnePartition(9)[8] ?? "", stranger);
    await push(delivery);
    expect(receivedBy([second.token, stranger.token])).to.deep.equal([1, 0]);
    expect(await countsOf(delivery)).to.deep.equal({ pushed: 2, failed: 0 });
  });

  it("sends nothing twice when a delivery comes again, under its own or another id, at once or later", async () => {
    const { tokens, delivery } = await anAnnouncement(30);
    await Promise.all([push(delivery), push(delivery), push({ ...delivery, id: randomUUID() })]);
    await push(delivery);
    await push({ ...delivery, id: randomUUID(), isRedelivered: true });
    expect(receivedBy(tokens)).to.deep.equal(tokens.map(() => 1));
    expect(await countsOf(delivery)).to.deep.equal({ pushed: 30, failed: 0 });
  });

  it("finishes a plan that broke off, for those who are not in it", async () => {
    const { tokens, delivery } = await anAnnouncement(30);
    await push(delivery);
    // As if the database had stopped between the chunks of one plan: the last one is missing.
    const rows = await pusher.deps.chunks.ofPlan(delivery.payload.batchId);
    const last = rows.at(-1);
    expect(rows).to.have.lengthOf(2);
    await pusher.deps.db.collection<{ _id: string }>("push_chunks").deleteOne({ _id: last?._id ?? "" });
    await push(delivery);
    const lost = new Set(last?.outcomes.map(({ user }) => user));
    const times = delivery.payload.recipients.map((user) => (lost.has(user) ? 2 : 1));
    expect(receivedBy(tokens)).to.deep.equal(times);
    expect(await countsOf(delivery)).to.deep.equal({ pushed: 30, failed: 0 });
  });

  it("sends again what a process was killed over, and the phone shows it once", async () => {
    const { tokens, delivery } = await anAnnouncement(10);
    // A kill between sending and storing: the outcomes never arrive, and nobody renews the lease.
    const { chunks } = pusher.deps;
    const killed = { ...chunks, settle: () => Promise.reject(new Error("killed")), renew: async () => undefined };
    const failure = await push(delivery, { chunks: killed, leaseMs: 300 }).catch((error: unknown) => error);
    expect(failure).to.be.instanceOf(Error);
    expect(await countsOf(delivery)).to.deep.equal({ pushed: 0, failed: 0 });

    // The delivery comes again at once: the lease may still be a living worker's, so the row is left to who finds it due.
    expect(await push(delivery)).to.deep.equal({ kind: "ack" });
    expect(receivedBy(tokens)).to.deep.equal(tokens.map(() => 1));
    const duePushes = startDuePushes(pusher.deps, 20);
    await eventually(() => countsOf(delivery), { pushed: 10, failed: 0 });
    await duePushes.close();
    expect(receivedBy(tokens)).to.deep.equal(tokens.map(() => 2));
    expect(shownOn(tokens)).to.deep.equal(tokens.map(() => 1));
  });

  it("holds its chunks for as long as a slow provider takes, so that nobody sends them too", async () => {
    const { tokens, delivery } = await anAnnouncement(4);
    const { chunks, providers } = pusher.deps;
    const answered = Promise.withResolvers<void>();
    const slow = { ...providers, of: (app: string) => slowChoice(providers.of(app), answered.promise) };
    let looks = 0;
    const watched = {
      ...chunks,
      claimDue: (...claim: Parameters<typeof chunks.claimDue>) => count(chunks.claimDue(...claim)),
    };
    const count = <T>(claiming: T): T => {
      looks += 1;
      return claiming;
    };
    const sending = push(delivery, { providers: slow, leaseMs: 500 });
    const duePushes = startDuePushes({ ...pusher.deps, chunks: watched }, 20);
    // Each round of four looks is at least 15 ms behind the one before: twice the lease.
    await eventually(() => looks > 4 * 70, true);
    answered.resolve();
    await sending;
    await duePushes.close();
    expect(receivedBy(tokens)).to.deep.equal([1, 1, 1, 1]);
    expect(await countsOf(delivery)).to.deep.equal({ pushed: 4, failed: 0 });
  });

  it("keeps outcomes through an absence of MongoDB instead of sending again", async () => {
    const { tokens, delivery } = await anAnnouncement(4);
    const { chunks, mongo } = pusher.deps;
    let failures = 3;
    const away = new Error("MongoDB is away");
    const flaky: typeof chunks.settle = (...settlement) =>
      (failures -= 1) >= 0 ? Promise.reject(away) : chunks.settle(...settlement);
    const dependency = { ...mongo, isDown: (error: unknown) => error === away };
    await push(delivery, { chunks: { ...chunks, settle: flaky }, mongo: dependency });
    expect(await countsOf(delivery)).to.deep.equal({ pushed: 4, failed: 0 });
    expect(receivedBy(tokens)).to.deep.equal([1, 1, 1, 1]);
  });

  /** Whose devices were said to be gone. */
  const removedUsersOf = (app: string) =>
    pusher.deps.events
      .filter((event) => event.app === app)
      .map(({ payload }) => z.object({ userId: z.string() }).parse(payload).userId);

  it("forgets a token that is dead, and pushes to the others", async () => {
    const { app, users, tokens, delivery } = await anAnnouncement(6);
    const [iphone = "", android = ""] = tokens;
    phone.addFault({ token: iphone, reason: "Unregistered", timestamp: Date.now() });
    phone.addFault({ token: android, reason: "UNREGISTERED" });
    await push(delivery);
    const left = await Promise.all(users.map((userId) => pusher.deps.devices.ofUser(app, userId)));
    expect(left.map(({ length }) => length)).to.deep.equal([0, 0, 1, 1, 1, 1]);
    const failed = (await outcomesOf(delivery)).filter(({ outcome }) => outcome === "failed");
    expect(failed.map(({ user, reason }) => [user, reason])).to.have.deep.members([
      [users[0], "Unregistered"],
      [users[1], "UNREGISTERED"],
    ]);
    expect(await countsOf(delivery)).to.deep.equal({ pushed: 4, failed: 2 });
    expect(removedUsersOf(app)).to.have.members([users[0], users[1]]);
  });

  it("tells that a device is gone before it forgets it, however long the broker is away", async () => {
    const { app, users, tokens, delivery } = await anAnnouncement(1);
    phone.addFault({ token: tokens[0] ?? "", reason: "Unregistered", timestamp: Date.now() });
    for (const _ of Array.from({ length: 3 })) pusher.deps.failNext(new Error("the broker is away"));
    await push(delivery);
    expect(removedUsersOf(app)).to.deep.equal(users);
    expect(await pusher.deps.devices.ofUser(app, users[0] ?? "")).to.deep.equal([]);
  });

  it("keeps a dead token that was registered again after it died", async () => {
    const { app, users, tokens, delivery } = await anAnnouncement(1);
    phone.addFault({ token: tokens[0] ?? "", reason: "Unregistered", timestamp: Date.now() - 3_600_000 });
    await push(delivery);
    expect(await pusher.deps.devices.ofUser(app, users[0] ?? "")).to.have.lengthOf(1);
    expect(removedUsersOf(app)).to.deep.equal([]);
  });

  it("fails a push that no provider takes, and wipes no token for it", async () => {
    const { app, users, tokens, delivery } = await anAnnouncement(8);
    pusher.notifications.set(delivery.payload.announcementId, { text: "x".repeat(5_000) });
    await push(delivery);
    expect(receivedBy(tokens)).to.deep.equal(tokens.map(() => 0));
    expect((await outcomesOf(delivery)).every(({ reason }) => reason?.startsWith("payload_too_large"))).to.equal(true);
    expect(await countsOf(delivery)).to.deep.equal({ pushed: 0, failed: 8 });
    const left = await Promise.all(users.map((userId) => pusher.deps.devices.ofUser(app, userId)));
    expect(left.flat()).to.have.lengthOf(8);
  });

  it("fails devices that no credential serves, without holding up the others", async () => {
    const app = anAppId();
    await pusher.putCredential(app, credentialsOf(phone).fcm);
    const users = usersOfOnePartition(2);
    const devices = [anAndroid(aToken()), anIphone(aToken())];
    for (const [index, device] of devices.entries()) await pusher.register(app, users[index] ?? "", device);
    const delivery = aDelivery(aBatch(app, users, { hasNotification: false }), { app });
    await push(delivery);
    const outcomes = await outcomesOf(delivery);
    expect(outcomes.map(({ platform, outcome, reason }) => [platform, outcome, reason])).to.have.deep.members([
      ["android", "accepted", null],
      ["ios", "failed", "no_credential"],
    ]);
  });

  it("acks at once while the provider is unavailable, and sends when it is back", async () => {
    const { tokens, delivery } = await anAnnouncement(4);
    const faults = [phone.addFault({ reason: "UNAVAILABLE" }), phone.addFault({ reason: "ServiceUnavailable" })];
    expect(await push(delivery)).to.deep.equal({ kind: "ack" });
    expect(await countsOf(delivery)).to.deep.equal({ pushed: 0, failed: 0 });
    expect(await pendingOf(delivery)).to.have.lengthOf(4);

    const duePushes = startDuePushes(pusher.deps, 50);
    for (const id of faults) phone.removeFaults({ id });
    await eventually(() => countsOf(delivery), { pushed: 4, failed: 0 }, { deadlineMs: 20_000 });
    await duePushes.close();
    expect(receivedBy(tokens)).to.deep.equal(tokens.map(() => 1));
    expect(await pendingOf(delivery)).to.deep.equal([]);
  }).timeout(30_000);

  it("obeys Retry-After: nothing is sent before", async () => {
    const { tokens, delivery } = await anAnnouncement(4);
    phone.addFault({ reason: "QUOTA_EXCEEDED", retry_after: 30, times: 1 });
    phone.addFault({ reason: "ServiceUnavailable", retry_after: 30, times: 1 });
    const startedAt = Date.now();
    await push(delivery);
    const pending = await pendingOf(delivery);
    expect(pending.length).to.be.at.least(2);
    for (const { dueAt } of pending) expect(dueAt).to.be.within(startedAt + 29_000, startedAt + 40_000);
    const before = receivedBy(tokens);
    const duePushes = startDuePushes(pusher.deps, 10);
    await push({ ...delivery, isRedelivered: true });
    await duePushes.close();
    expect(receivedBy(tokens)).to.deep.equal(before);
  });

  it("gives up at the end of the push's life", async () => {
    const { tokens, delivery } = await anAnnouncement(3);
    const late = { ...delivery, payload: { ...delivery.payload, at: Date.now() - pusher.deps.ttlMs - 1 } };
    await push(late);
    expect(receivedBy(tokens)).to.deep.equal([0, 0, 0]);
    expect((await outcomesOf(late)).map(({ outcome }) => outcome)).to.deep.equal(["expired", "expired", "expired"]);
  });

  it("gives up a push that waited until its life ended", async () => {
    const { delivery } = await anAnnouncement(2);
    phone.addFault({ reason: "UNAVAILABLE" });
    phone.addFault({ reason: "ServiceUnavailable" });
    await push(delivery, { ttlMs: 1_500 });
    expect(await pendingOf(delivery)).to.have.lengthOf(2);
    const duePushes = startDuePushes(pusher.deps, 50);
    await eventually(async () => (await pendingOf(delivery)).length, 0);
    await duePushes.close();
    expect(await countsOf(delivery)).to.deep.equal({ pushed: 0, failed: 0 });
    expect((await outcomesOf(delivery)).map(({ outcome }) => outcome)).to.deep.equal(["expired", "expired"]);
  });

  it("parks pushes of a refused credential, loses none, and sends them once it is put right", async () => {
    const { app, tokens, delivery } = await anAnnouncement(6);
    phone.addFault({ reason: "InvalidProviderToken", times: 3 });
    await push(delivery);
    const pending = await pendingOf(delivery);
    expect(pending.map(({ kind }) => kind)).to.deep.equal(["apns", "apns", "apns"]);
    expect(await pusher.deps.chunks.countPending()).to.have.property("parked", 1);
    expect(await countsOf(delivery)).to.deep.equal({ pushed: 3, failed: 0 });

    phone.removeFaults();
    await pusher.putCredential(app, credentialsOf(phone).apns);
    pusher.deps.providers.forget(app);
    await pusher.deps.chunks.unpark(app, 0);
    const duePushes = startDuePushes(pusher.deps, 20);
    await eventually(() => countsOf(delivery), { pushed: 6, failed: 0 });
    await duePushes.close();
    expect(receivedBy(tokens)).to.deep.equal(tokens.map(() => 1));
  });

  it("does not park what was refused while its credential was being put right", async () => {
    const { app, tokens, delivery } = await anAnnouncement(1);
    const { chunks } = pusher.deps;
    const [refused, putRight] = [Promise.withResolvers<void>(), Promise.withResolvers<void>()];
    const settle: typeof chunks.settle = async (...settlement) => {
      refused.resolve();
      await putRight.promise;
      return chunks.settle(...settlement);
    };
    phone.addFault({ reason: "InvalidProviderToken", times: 1 });
    const sending = push(delivery, { chunks: { ...chunks, settle } });
    await refused.promise;
    phone.removeFaults();
    const credential = credentialsOf(phone).apns;
    const sealed = seal(pusher.deps.key, JSON.stringify(credential));
    const command = { credentialId: randomUUID(), kind: credential.kind, sealed };
    expect(await putPushCredential(pusher.deps)(aDelivery(command, { app }))).to.deep.equal({ kind: "ack" });
    putRight.resolve();
    await sending;
    const duePushes = startDuePushes(pusher.deps, 50);
    await eventually(() => countsOf(delivery), { pushed: 1, failed: 0 }, { deadlineMs: 15_000 });
    await duePushes.close();
    expect(receivedBy(tokens)).to.deep.equal([1]);
  }).timeout(20_000);

  it("fails what belongs to an announcement that is gone", async () => {
    const { delivery } = await anAnnouncement(2);
    pusher.notifications.set(delivery.payload.announcementId, null);
    await push(delivery);
    expect((await outcomesOf(delivery)).map(({ reason }) => reason)).to.deep.equal([
      "announcement_gone",
      "announcement_gone",
    ]);
  });

  it("dead-letters a batch of another app", async () => {
    const { delivery } = await anAnnouncement(1);
    expect(await push({ ...delivery, app: anAppId() })).to.deep.include({
      kind: "dead-letter",
      reason: "foreign_batch",
    });
  });

  it("counts an announcement over all its batches, and no other's", async () => {
    const { delivery } = await anAnnouncement(5);
    const { batchId } = delivery.payload;
    const [first, second] = [
      delivery,
      { ...delivery, payload: { ...delivery.payload, batchId: batchId.replace(/0$/, "1") } },
    ];
    await push(first);
    await push(second);
    await push((await anAnnouncement(3)).delivery);
    const rows = [...(await outcomesOf(first)), ...(await outcomesOf(second))];
    expect(await countsOf(delivery)).to.deep.equal({ pushed: rows.length, failed: 0 });
    expect(rows).to.have.lengthOf(10);
  });
});
