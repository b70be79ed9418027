import {
  AnnouncementOpened,
  AnnouncementRecalled,
  BatchStored,
  CountUnread,
  FindRecipients,
  FindUnknownUsers,
  GetUnread,
  type InboxKey,
  ListInboxKeys,
  MarkInboxRead,
  RecordReceipts,
} from "@strata/contracts";
import { type Broker, type Consumer, consumer, on, openBroker, reply } from "@strata/messaging";
import { createReadiness } from "@strata/runtime";
import {
  anAnnouncementId,
  anAppId,
  aUserId,
  eventually,
  type Infra,
  type InProcessService,
  openInfra,
  startInProcess,
  type TcpProxy,
  tcpProxy,
  testLogger,
} from "@strata/testing";
import { declareSubscriberQueues } from "@strata/messaging/testing";
import { expect } from "chai";
import { Registry } from "prom-client";
import { loadConfig } from "../../src/config.ts";
import { start } from "../../src/start.ts";

const EVENTS = "receipt-tracking.unread-events";
const onlyHere = { consumedBy: [EVENTS] };
const opened = { ...AnnouncementOpened, ...onlyHere };
const recalled = { ...AnnouncementRecalled, ...onlyHere };
const batchStored = { ...BatchStored, ...onlyHere };

describe("receipt-tracking's unread counts", function unreadCounts() {
  this.timeout(60_000);
  const app = anAppId();
  let infra: Infra;
  let redis: TcpProxy;
  let service: InProcessService;
  let fanout: Broker;
  let gateway: Broker;
  const closing: Broker[] = [];
  /** What is in everybody's inbox, newest first; and what was taken back of late. */
  const inbox: InboxKey[] = [];
  const ended: string[] = [];
  let walks = 0;

  async function openPeer(name: "announcement-fanout" | "directory" | "conversation" | "gateway", row?: Consumer) {
    const contracts = row?.handlers.map(({ contract }) => contract) ?? [];
    const broker = await openBroker({
      url: infra.amqpUrl,
      service: name,
      log: testLogger(name),
      metrics: new Registry(),
      readiness: createReadiness(),
      ...(name === "gateway" ? {} : { catalogue: [...contracts, opened, recalled, batchStored] }),
    });
    if (row) await broker.consume([row]);
    closing.push(broker);
    return broker;
  }

  const fanoutRow = consumer({
    queue: "announcement-fanout.queries",
    handlers: [
      on(ListInboxKeys, async ({ payload: { limit, behind } }) => {
        walks += 1;
        return reply({ keys: inbox.filter(({ at }) => !behind || at < behind.at).slice(0, limit), ended });
      }),
      on(FindRecipients, async ({ payload }) => reply({ found: payload.checks })),
    ],
  });
  const directoryRow = consumer({
    queue: "directory.queries",
    handlers: [on(FindUnknownUsers, async () => reply({ unknown: [], knownSince: [0] }))],
  });
  const conversationRow = consumer({
    queue: "conversation.queries",
    handlers: [on(CountUnread, async () => reply({ unreadMessages: 5, unreadConversations: 2 }))],
  });

  before(async () => {
    infra = await openInfra("receipt-tracking-counts");
    redis = await tcpProxy(infra.redisUrl);
    await declareSubscriberQueues(infra.amqpUrl, "receipt-tracking", "realtime");
    // No publisher waits for long: the queues of the service are there before its peers speak.
    service = await startInProcess(start, {
      name: "receipt-tracking",
      config: loadConfig({
        AMQP_URL: infra.amqpUrl,
        MONGO_URL: infra.mongoUrl("receipts"),
        REDIS_URL: redis.url,
        REDIS_KEY_PREFIX: infra.redisPrefix,
        RECOUNT_INTERVAL_MS: "25",
      }),
    });
    fanout = await openPeer("announcement-fanout", fanoutRow);
    await openPeer("directory", directoryRow);
    await openPeer("conversation", conversationRow);
    gateway = await openPeer("gateway");
  });
  after(async () => {
    await service[Symbol.asyncDispose]();
    await Promise.all(closing.map((broker) => broker.close()));
    await redis[Symbol.asyncDispose]();
    await infra[Symbol.asyncDispose]();
  });

  const unread = async (userId: string) => (await gateway.ask(GetUnread, app, { userId })).announcements;
  function announce(): InboxKey {
    const key = { announcementId: anAnnouncementId(), at: Math.max(Date.now(), (inbox[0]?.at ?? 0) + 1) };
    inbox.unshift(key);
    return key;
  }
  const store = ({ announcementId, at }: InboxKey, recipients: readonly string[]) =>
    fanout.emit(batchStored, app, {
      announcementId,
      batchId: `${app}/${announcementId}/00/0/000000`,
      partition: 0,
      at,
      recipients: [...recipients],
      hasNotification: false,
    });
  const idle = () =>
    eventually(() => infra.management.depths([EVENTS, `${EVENTS}.dead-letter`]), {
      [EVENTS]: 0,
      [`${EVENTS}.dead-letter`]: 0,
    });

  it("follow a batch, a read and a recall through the broker, without a walk through the inbox for the first two", async () => {
    const [ann, bob] = [aUserId(1), aUserId(2)];
    expect([await unread(ann), await unread(bob)]).to.deep.equal([0, 0]);
    const walked = walks;
    const [one, two] = [announce(), announce()];
    await store(one, [ann, bob]);
    await store(two, [ann]);
    await store(two, [ann]);
    await eventually(() => unread(ann), 2);
    await eventually(() => unread(bob), 1);
    const read = { userId: ann, kind: "read" as const, at: Date.now() };
    await gateway.request(RecordReceipts, app, { announcementId: one.announcementId, receipts: [read] });
    await eventually(() => unread(ann), 1);
    expect(await unread(bob)).to.equal(1);
    expect(walks).to.equal(walked);

    inbox.splice(inbox.indexOf(two), 1);
    ended.push(two.announcementId);
    await fanout.emit(recalled, app, { announcementId: two.announcementId, version: 2, at: Date.now() });
    await eventually(() => unread(ann), 0);
    await store(two, [ann]);
    await idle();
    expect(await unread(ann)).to.equal(0);
  });

  it("follow what is for everyone as soon as it is in every inbox", async () => {
    const ann = aUserId(3);
    const before = await unread(ann);
    const one = announce();
    await fanout.emit(opened, app, { announcementId: one.announcementId, version: 1, at: one.at });
    await eventually(() => unread(ann), before + 1);
    await store(one, [ann]);
    await idle();
    expect(await unread(ann)).to.equal(before + 1);
  });

  it("come down to nothing when all is marked as read", async () => {
    const ann = aUserId(4);
    announce();
    expect(await unread(ann)).to.be.greaterThan(0);
    const now = Date.now() + 1_000;
    await gateway.request(MarkInboxRead, app, { userId: ann, until: now, at: now, knownSince: 0 });
    await eventually(() => unread(ann), 0);
  });

  it("are right while Redis is away, and when it is back", async () => {
    const ann = aUserId(5);
    const before = await unread(ann);
    redis.pause();
    const one = announce();
    await store(one, [ann]);
    await eventually(() => unread(ann), before + 1, { deadlineMs: 15_000 });
    const read = { userId: ann, kind: "read" as const, at: Date.now() };
    await gateway.request(RecordReceipts, app, { announcementId: one.announcementId, receipts: [read] });
    expect(await unread(ann)).to.equal(before);
    await store(announce(), [ann]);
    expect(await unread(ann)).to.equal(before + 1);
    redis.resume();
    await eventually(() => infra.management.depths([EVENTS]), { [EVENTS]: 0 }, { deadlineMs: 20_000 });
    expect(await unread(ann)).to.equal(before + 1);
    const walked = walks;
    expect(await unread(ann)).to.equal(before + 1);
    expect(walks).to.equal(walked);
  });
});
