import { randomUUID } from "node:crypto";
import {
  AnnounceToAudience,
  AnnouncementAccepted,
  AnnouncementExpired,
  AnnouncementRecalled,
  BatchStored,
  CancelAnnouncement,
  GetAnnouncement,
  IdentityCreated,
  ListInbox,
  ListRecipients,
  MessageDelayed,
  partitionOf,
  PauseAnnouncement,
  type PayloadOf,
  RecallAnnouncement,
  ResumeAnnouncement,
  UsersKnown,
} from "@strata/contracts";
import { ack, consumer, on, onGroup } from "@strata/messaging";
import { openMongo, silentLogger } from "@strata/runtime";
import { anAppId, eventually, type Infra, type InProcessService, openInfra, userIds } from "@strata/testing";
import { declareSubscriberQueues } from "@strata/messaging/testing";
import { expect } from "chai";
import { aCrowd } from "../crowd.ts";
import { aContent, announceToMany, openDirectory, openPeer, type Peer, startFanOut } from "../support.ts";

const START_MS = 3_000;

describe("announcement-fanout: when", () => {
  let infra: Infra;
  let service: InProcessService;
  let gateway: Peer;
  let directory: Peer;
  let push: Peer;
  let receipts: Peer;
  const stored: PayloadOf<typeof BatchStored>[] = [];
  const crowd = aCrowd();

  before(async () => {
    infra = await openInfra("fanout-when");
    await declareSubscriberQueues(infra.amqpUrl, "announcement-fanout", "realtime");
    directory = await openDirectory(infra, crowd);
    push = await openPeer(infra, "push-delivery", [
      consumer({
        queue: "push-delivery.announcements",
        handlers: [
          onGroup(BatchStored, async (deliveries) => {
            stored.push(...deliveries.map(({ payload }) => payload));
            return deliveries.map(() => ack);
          }),
        ],
      }),
    ]);
    receipts = await openPeer(infra, "receipt-tracking", [
      consumer({
        queue: "receipt-tracking.insight-events",
        handlers: [on(AnnouncementAccepted, async () => ack)],
      }),
      consumer({
        queue: "receipt-tracking.unread-events",
        handlers: [
          on(BatchStored, async () => ack),
          on(AnnouncementRecalled, async () => ack),
          on(AnnouncementExpired, async () => ack),
        ],
      }),
    ]);
    service = await startFanOut(infra);
    gateway = await openPeer(infra, "gateway");
  });
  after(async () => {
    for (const resource of [gateway, push, receipts, service, directory, infra]) await resource[Symbol.asyncDispose]();
  });
  const restart = async () => {
    await service[Symbol.asyncDispose]();
    service = await startFanOut(infra);
  };

  const progress = async (app: string, announcementId: string) =>
    (await gateway.ask(GetAnnouncement, app, { announcementId })).progress;
  const state = async (app: string, announcementId: string) =>
    (await progress(app, announcementId))?.announcement.state;
  const recipientsOf = (announcementId: string) =>
    stored.filter((batch) => batch.announcementId === announcementId).flatMap(({ recipients }) => recipients);

  it("hears that messages wait, and gives way", async () => {
    await using conversation = await openPeer(infra, "conversation");
    await conversation.emit(MessageDelayed, anAppId(), { waitedMs: 200, at: Date.now() });
    await eventually(
      () => service.metrics.getSingleMetricAsString("announcement_fanout_given_way_total"),
      (text) => /given_way_total 1$/m.test(text),
    );
  });

  it("starts what is scheduled at its time, once, though the service was restarted before", async () => {
    const [app, announcementId] = [anAppId(), randomUUID()];
    const users = userIds(50);
    const at = Date.now() + START_MS;
    const terms = { schedule: { at }, recipients: [...users] };
    const answer = await announceToMany(gateway, app, users, { announcementId, terms });
    expect(answer.announcement).to.deep.include({ state: "scheduled", startsAt: at });
    const inbox = { userId: users[0] ?? "", limit: 20, after: null };
    expect((await gateway.ask(ListInbox, app, inbox)).total).to.equal(0);
    await restart();
    await eventually(() => state(app, announcementId), "distributed");
    expect((await progress(app, announcementId))?.counts).to.deep.equal({ recipients: 50, unknown: 0, sent: 50 });
    const { entries } = await gateway.ask(ListInbox, app, inbox);
    expect(entries?.map((entry) => entry.at)).to.deep.equal([at]);
    expect(recipientsOf(announcementId).toSorted()).to.deep.equal(users);
  });

  it("takes what was recalled out of the inboxes for good, and knows whose it was as before", async () => {
    const [app, announcementId] = [anAppId(), randomUUID()];
    const users = userIds(300);
    await announceToMany(gateway, app, users, { announcementId });
    await eventually(() => state(app, announcementId), "distributed");
    const asBefore = async () => ({
      counts: (await progress(app, announcementId))?.counts,
      listed: (await gateway.ask(ListRecipients, app, { announcementId, after: null, limit: 1_000 })).userIds,
    });
    const before = await asBefore();
    expect(before.listed).to.have.length(300);
    await gateway.request(RecallAnnouncement, app, { announcementId });
    const mongo = await openMongo(infra.mongoUrl("fanout"), silentLogger);
    const batches = mongo.db.collection("batches");
    await eventually(() => batches.countDocuments({ app }), 0);
    expect(await asBefore()).to.deep.equal(before);
    await mongo.close();
  });

  it("brings what is open to newcomers to who comes later, once, also after pause, restart and resume", async () => {
    const [app, announcementId] = [anAppId(), randomUUID()];
    const [ann, amy, ada, bob] = ["a-ann", "a-amy", "a-ada", "b-bob"];
    crowd.users.set(ann, 1).set(bob, 1);
    const audience = {
      kind: "filter" as const,
      filter: { field: "user_id" as const, startsWith: "a-" },
      segmentId: null,
    };
    const includeNewUsersUntil = Date.now() + 600_000;
    const said = { announcementId, digest: "a".repeat(64), ...aContent(), includeNewUsersUntil };
    await gateway.request(AnnounceToAudience, app, { ...said, audience, recipientCount: null });
    await eventually(() => state(app, announcementId), "distributed");
    const sent = async () => (await progress(app, announcementId))?.counts.sent;

    crowd.users.set(amy, Date.now());
    const created = { userId: amy, partition: partitionOf(amy), version: 1 };
    for (let times = 0; times < 3; times += 1) await directory.emit(IdentityCreated, app, created);
    await eventually(sent, 2);
    await gateway.request(PauseAnnouncement, app, { announcementId });
    crowd.users.set(ada, Date.now()).set("b-bea", Date.now());
    await directory.emit(UsersKnown, app, { userIds: [ada, "b-bea"], at: Date.now() });
    await restart();
    expect(await sent()).to.equal(2);
    await gateway.request(ResumeAnnouncement, app, { announcementId });
    await eventually(sent, 3);
    expect((await gateway.ask(ListInbox, app, { userId: ada, limit: 20, after: null })).total).to.equal(1);
    await eventually(() => new Set(recipientsOf(announcementId)).size, 3);
    const batches = new Map(
      stored.filter((one) => one.announcementId === announcementId).map((one) => [one.batchId, one.recipients]),
    );
    expect([...batches.values()].flat().toSorted()).to.deep.equal([ada, amy, ann]);
    await gateway.request(CancelAnnouncement, app, { announcementId });
    crowd.users.set("a-late", Date.now());
    await directory.emit(UsersKnown, app, { userIds: ["a-late"], at: Date.now() + 1 });
    expect(await state(app, announcementId)).to.equal("canceled");
    expect(await sent()).to.equal(3);
  });

  it("is brought to each when it is that time where she is, over a restart", async () => {
    const [app, announcementId] = [anAppId(), randomUUID()];
    const [ann, bob, cid] = ["l-ann", "l-bob", "l-cid"];
    for (const [userId, zone] of [
      [ann, "Etc/GMT-9"],
      [bob, "Etc/GMT-1"],
      [cid, "Etc/GMT+8"],
    ] as const) {
      crowd.users.set(userId, 1);
      crowd.timeZones.set(userId, zone);
    }
    // In a few seconds where Bob is: eight hours ago where Ann is, and nine hours ahead where Cid is.
    const moment = Math.ceil((Date.now() + 2 * START_MS) / 1_000) * 1_000;
    const localTime = new Date(moment + 3_600_000).toISOString().slice(0, 19);
    const audience = {
      kind: "filter" as const,
      filter: { field: "user_id" as const, startsWith: "l-" },
      segmentId: null,
    };
    const schedule = { localTime, fallbackTimeZone: "UTC" };
    const said = { announcementId, digest: "a".repeat(64), ...aContent(), schedule };
    await gateway.request(AnnounceToAudience, app, { ...said, audience, recipientCount: null });
    await eventually(() => new Set(recipientsOf(announcementId)), new Set([ann]));
    await restart();
    await eventually(() => new Set(recipientsOf(announcementId)), new Set([ann, bob]));
    const { entries } = await gateway.ask(ListInbox, app, { userId: bob, limit: 20, after: null });
    expect(entries?.[0]?.at).to.be.at.least(moment);
    expect((await gateway.ask(ListInbox, app, { userId: cid, limit: 20, after: null })).total).to.equal(0);
    expect(await state(app, announcementId)).to.equal("distributing");
    await gateway.request(CancelAnnouncement, app, { announcementId });
    expect((await progress(app, announcementId))?.counts.sent).to.equal(2);
  });

  it("sends nothing of what is canceled before its start", async () => {
    const [app, announcementId] = [anAppId(), randomUUID()];
    await announceToMany(gateway, app, userIds(3), {
      announcementId,
      terms: { schedule: { at: Date.now() + START_MS } },
    });
    expect((await gateway.request(CancelAnnouncement, app, { announcementId })).outcome).to.equal("done");
    const later = randomUUID();
    await announceToMany(gateway, app, userIds(3), {
      announcementId: later,
      terms: { schedule: { at: Date.now() + START_MS } },
    });
    await eventually(() => state(app, later), "distributed");
    expect(recipientsOf(announcementId)).to.deep.equal([]);
    expect(await state(app, announcementId)).to.equal("canceled");
  });

  it("keeps a throttle through pause, restart and resume, goes on meanwhile with others, and leaves nobody out", async () => {
    const [app, announcementId] = [anAppId(), randomUUID()];
    // One partition's users, ten a second.
    const users = userIds(2_000).filter((userId) => partitionOf(userId) === 7);
    await announceToMany(gateway, app, users, { announcementId, terms: { throttlePerMinute: 600 } });
    const other = randomUUID();
    await announceToMany(gateway, app, users, { announcementId: other });
    await eventually(() => state(app, other), "distributed");

    await gateway.request(PauseAnnouncement, app, { announcementId });
    await restart();
    expect(await state(app, announcementId)).to.equal("paused");
    await gateway.request(ResumeAnnouncement, app, { announcementId });
    await eventually(() => state(app, announcementId), "distributed", { deadlineMs: 20_000 });
    expect((await progress(app, announcementId))?.counts.sent).to.equal(users.length);
    expect(new Set(recipientsOf(announcementId))).to.deep.equal(new Set(users));
    const batches = new Map(
      stored.filter((one) => one.announcementId === announcementId).map((one) => [one.batchId, one]),
    );
    const times = [...batches.values()].map(({ at }) => at).toSorted((a, b) => a - b);
    expect([...batches.values()].every(({ recipients }) => recipients.length <= 10)).to.equal(true);
    expect(times.slice(1).every((at, index) => at - (times[index] ?? 0) >= 1_000)).to.equal(true);
  });
});
