import { randomUUID } from "node:crypto";
import {
  AnnounceToFew,
  AnnouncementAccepted,
  AnnouncementExpired,
  AnnouncementRecalled,
  BatchStored,
  FindRecipients,
  GetAnnouncement,
  ListInbox,
  ListRecipients,
  OpenAnnouncement,
  partitionOf,
  type PayloadOf,
} from "@strata/contracts";
import { ack, consumer, on, onGroup } from "@strata/messaging";
import { type BrokerProbe, probeBroker, declareSubscriberQueues } from "@strata/messaging/testing";
import { anAppId, eventually, type Infra, type InProcessService, openInfra, userIds } from "@strata/testing";
import { expect } from "chai";
import { aContent, announceToMany, openDirectory, openPeer, type Peer, startFanOut } from "../support.ts";

const digest = "d".repeat(64);
const QUEUES = ["few", "many", "recipients", "slots"].map((lane) => `announcement-fanout.${lane}`);

describe("announcement-fanout", () => {
  let infra: Infra;
  let probe: BrokerProbe;
  let service: InProcessService;
  let gateway: Peer;
  let directory: Peer;
  let push: Peer;
  let receipts: Peer;
  const stored: PayloadOf<typeof BatchStored>[] = [];

  before(async () => {
    infra = await openInfra("fanout");
    probe = await probeBroker(infra.amqpUrl);
    await declareSubscriberQueues(infra.amqpUrl, "announcement-fanout", "realtime");
    directory = await openDirectory(infra);
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
    for (const resource of [gateway, push, receipts, service, directory, probe, infra])
      await resource[Symbol.asyncDispose]();
  });
  afterEach(async () => {
    const dead = await probe.depths(QUEUES.map((queue) => `${queue}.dead-letter`));
    expect(
      Object.values(dead).every((depth) => depth === 0),
      JSON.stringify(dead),
    ).to.equal(true);
    await eventually(() => probe.depths(QUEUES), Object.fromEntries(QUEUES.map((queue) => [queue, 0])));
  });

  const progress = async (app: string, announcementId: string) =>
    (await gateway.ask(GetAnnouncement, app, { announcementId })).progress;

  const inboxOf = async (app: string, userId: string, after: string | null = null) =>
    gateway.ask(ListInbox, app, { userId, limit: 20, after });

  it("puts a short announcement into each known recipient's inbox before it is accepted", async () => {
    const app = anAppId();
    const announcementId = randomUUID();
    const recipients = [...userIds(5), "nobody-1"];
    const answer = await gateway.request(AnnounceToFew, app, { announcementId, digest, recipients, ...aContent() });
    expect(answer.outcome).to.equal("accepted");
    for (const userId of userIds(5)) {
      const { entries, total } = await inboxOf(app, userId);
      expect(entries?.map((entry) => entry.announcementId)).to.deep.equal([announcementId]);
      expect(total).to.equal(1);
    }
    expect((await inboxOf(app, "nobody-1")).total).to.equal(0);
    expect((await progress(app, announcementId))?.counts).to.deep.equal({ recipients: 6, unknown: 1, sent: 5 });
    const published = stored.filter((batch) => batch.announcementId === announcementId);
    expect(published.flatMap((batch) => batch.recipients).toSorted()).to.deep.equal(userIds(5));
  });

  it("does a redelivered command again without a second entry, and refuses another under the same id", async () => {
    const app = anAppId();
    const announcementId = randomUUID();
    const payload = { announcementId, digest, recipients: userIds(3), ...aContent() };
    const id = randomUUID();
    const answers = [
      await gateway.request(AnnounceToFew, app, payload, { id }),
      await gateway.request(AnnounceToFew, app, payload, { id }),
      await gateway.request(AnnounceToFew, app, payload),
    ];
    expect(answers.map(({ outcome }) => outcome)).to.deep.equal(["accepted", "accepted", "in-use"]);
    expect((await inboxOf(app, "user-000001")).total).to.equal(1);
    expect((await progress(app, announcementId))?.counts.sent).to.equal(3);
  });

  it("accepts one of many commands under one id that arrive at once", async () => {
    const app = anAppId();
    const announcementId = randomUUID();
    const payload = { announcementId, digest, recipients: ["user-000001"], ...aContent() };
    const answers = await Promise.all(Array.from({ length: 50 }, () => gateway.request(AnnounceToFew, app, payload)));
    expect(answers.filter(({ outcome }) => outcome === "accepted")).to.have.length(1);
    expect((await inboxOf(app, "user-000001")).total).to.equal(1);
  });

  it("keeps apps apart: the same announcement id and user in two apps are two inboxes", async () => {
    const announcementId = randomUUID();
    const [one, other] = [anAppId(), anAppId()];
    await gateway.request(AnnounceToFew, one, { announcementId, digest, recipients: userIds(1), ...aContent() });
    expect((await inboxOf(other, "user-000001")).total).to.equal(0);
    const again = { announcementId, digest, recipients: userIds(1), ...aContent() };
    expect((await gateway.request(AnnounceToFew, other, again)).outcome).to.equal("accepted");
  });

  it("pages an inbox newest first", async () => {
    const app = anAppId();
    const ids = Array.from({ length: 5 }, () => randomUUID());
    for (const announcementId of ids) {
      await gateway.request(AnnounceToFew, app, { announcementId, digest, recipients: userIds(1), ...aContent() });
    }
    const all = (await inboxOf(app, "user-000001")).entries ?? [];
    expect(all.map((entry) => entry.announcementId)).to.have.members(ids);
    expect(all.map(({ at }) => at)).to.deep.equal(all.map(({ at }) => at).toSorted((a, b) => b - a));
    const second = all[1]?.announcementId ?? "";
    const behind = (await inboxOf(app, "user-000001", second)).entries ?? [];
    expect(behind.map((entry) => entry.announcementId)).to.deep.equal(
      all.slice(2).map((entry) => entry.announcementId),
    );
    expect((await inboxOf(app, "user-000001", randomUUID())).entries).to.equal(null);
  });

  it("brings a long list to every inbox exactly once, counts the unknown, and lists who got it in order", async () => {
    const app = anAppId();
    const announcementId = randomUUID();
    const known = userIds(6_000);
    const nobodies = Array.from({ length: 50 }, (_, n) => `nobody-${n}`);
    // Chunks of 40 make several batches a partition, so that order and adoption across batches are exercised.
    const answer = await announceToMany(gateway, app, [...known, ...nobodies], { announcementId, chunkSize: 40 });
    expect(answer.outcome).to.equal("accepted");
    await eventually(async () => (await progress(app, announcementId))?.announcement.state, "distributed");
    expect((await progress(app, announcementId))?.counts).to.deep.equal({
      recipients: 6_050,
      unknown: 50,
      sent: 6_000,
    });

    const listed: string[] = [];
    for (let isLast = false; !isLast;) {
      const after = listed.at(-1) ?? null;
      const page = await gateway.ask(ListRecipients, app, { announcementId, after, limit: 700 });
      listed.push(...(page.userIds ?? []));
      isLast = (page.userIds?.length ?? 0) < 700;
    }
    expect(listed).to.have.length(6_000);
    expect(new Set(listed)).to.deep.equal(new Set(known));
    const keys = listed.map((userId) => partitionOf(userId));
    expect(keys).to.deep.equal(keys.toSorted((a, b) => a - b));

    const checks = [{ announcementId, userIds: ["user-000001", "user-004711", "nobody-1", "stranger"] }];
    const { found } = await gateway.ask(FindRecipients, app, { checks });
    expect(found[0]?.userIds.toSorted()).to.deep.equal(["user-000001", "user-004711"]);
    const published = stored.filter((batch) => batch.announcementId === announcementId);
    expect(published.flatMap((batch) => batch.recipients).toSorted()).to.deep.equal(known);
  });

  it("goes on with a long list that its caller had to send again, and refuses it once it is started", async () => {
    const app = anAppId();
    const announcementId = randomUUID();
    const users = userIds(1_500);
    const opened = { announcementId, digest: "a".repeat(64), recipientCount: users.length, ...aContent() };
    await gateway.request(OpenAnnouncement, app, opened);
    expect((await announceToMany(gateway, app, users, { announcementId })).outcome).to.equal("accepted");
    await eventually(async () => (await progress(app, announcementId))?.announcement.state, "distributed");
    const again = await gateway.request(OpenAnnouncement, app, opened);
    expect(again.outcome).to.equal("in-use");
    const other = await gateway.request(OpenAnnouncement, app, { ...opened, digest: "b".repeat(64) });
    expect(other.outcome).to.equal("in-use");
    expect((await progress(app, announcementId))?.counts.sent).to.equal(1_500);
  });
});
