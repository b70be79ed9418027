import {
  AnnouncementAccepted,
  BatchStored,
  FindRecipients,
  GetInsights,
  GetReceiptCounts,
  GetReceiptStates,
  ListRecipients,
  ListRecipientStates,
  partitionOf,
  type PayloadOf,
  RecordReceipts,
} from "@strata/contracts";
import { type Broker, consumer, on, openBroker, reply } from "@strata/messaging";
import { type BrokerProbe, declareSubscriberQueues, probeBroker } from "@strata/messaging/testing";
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
  testLogger,
  userIds,
} from "@strata/testing";
import { expect } from "chai";
import { Registry } from "prom-client";
import { loadConfig } from "../../src/config.ts";
import { start } from "../../src/start.ts";
import { recipientsOf } from "../support.ts";

type Receipts = PayloadOf<typeof RecordReceipts>["receipts"];

const QUEUE = "receipt-tracking.receipts";
const LOG = testLogger("receipts.test");

/** Another service, as far as this one sees it: a peer on the real broker. */
const peer = (url: string) => ({ url, log: LOG, metrics: new Registry(), readiness: createReadiness() });

/** Announcement-fanout with nothing but its two answers about recipients. */
async function openFanout(
  url: string,
  app: string,
  sent: Readonly<Record<string, readonly string[]>>,
): Promise<Broker> {
  const { recipients } = recipientsOf(sent);
  const broker = await openBroker({
    ...peer(url),
    service: "announcement-fanout",
    catalogue: [FindRecipients, ListRecipients],
  });
  await broker.consume([
    consumer({
      queue: "announcement-fanout.queries",
      handlers: [
        on(FindRecipients, async ({ app: asking, payload }) => {
          const found = asking === app ? await recipients.find(app, payload.checks) : [];
          return reply({
            found: found.map((one) => ({ announcementId: one.announcementId, userIds: [...one.userIds] })),
          });
        }),
        on(ListRecipients, async ({ app: asking, payload: { announcementId, after, limit } }) => {
          const page = asking === app ? await recipients.list(app, announcementId, after, limit) : null;
          return reply({ userIds: page && [...page] });
        }),
      ],
    }),
  ]);
  return broker;
}

const outcomeOf = (request: Promise<unknown>): Promise<unknown> =>
  request.then(
    () => "done",
    (error: unknown) => error,
  );

describe("receipt-tracking", () => {
  const app = anAppId();
  const announcementId = anAnnouncementId();
  const sent = userIds(600);
  let infra: Infra;
  let probe: BrokerProbe;
  let fanout: Broker;
  let gateway: Broker;
  let service: InProcessService;

  before(async () => {
    infra = await openInfra("receipt-tracking");
    probe = await probeBroker(infra.amqpUrl);
    await declareSubscriberQueues(infra.amqpUrl, "receipt-tracking", "realtime");
    fanout = await openFanout(infra.amqpUrl, app, { [announcementId]: sent });
    const env = {
      AMQP_URL: infra.amqpUrl,
      MONGO_URL: infra.mongoUrl("receipts"),
      REDIS_URL: infra.redisUrl,
      REDIS_KEY_PREFIX: infra.redisPrefix,
      RECOUNT_INTERVAL_MS: "25",
    };
    service = await startInProcess(start, { name: "receipt-tracking", config: loadConfig(env) });
    gateway = await openBroker({ ...peer(infra.amqpUrl), service: "gateway" });
  });
  after(async () => {
    await service[Symbol.asyncDispose]();
    await fanout.close();
    await gateway.close();
    await probe[Symbol.asyncDispose]();
    await infra[Symbol.asyncDispose]();
  });

  const counts = () => gateway.ask(GetReceiptCounts, app, { announcementId });

  const summed = async () => {
    const { total } = await gateway.ask(GetInsights, app, { by: "day", from: 0, to: 1, category: "news" });
    const { announcements, sent: to, delivered, read } = total;
    return { announcements, to, delivered, read };
  };

  it("counts each of 500 receipts once when all are delivered twice, and leaves nothing behind", async () => {
    const receipts: Receipts = [
      ...sent.slice(0, 300).map((userId) => ({ userId, kind: "delivered" as const, at: 1_000 })),
      ...sent.slice(200, 400).map((userId) => ({ userId, kind: "read" as const, at: 2_000 })),
    ];
    const once = () =>
      receipts.map((receipt, n) =>
        gateway.send(RecordReceipts, app, { announcementId, receipts: [receipt] }, { id: `c${n}` }),
      );
    await Promise.all([...once(), ...once()]);
    await eventually(counts, { delivered: 400, read: 200, opened: 0, deleted: 0 });
    await eventually(() => infra.management.depths([QUEUE, `${QUEUE}.dead-letter`, `${QUEUE}.alone`]), {
      [QUEUE]: 0,
      [`${QUEUE}.dead-letter`]: 0,
      [`${QUEUE}.alone`]: 0,
    });
    expect(await counts()).to.deep.equal({ delivered: 400, read: 200, opened: 0, deleted: 0 });
  });

  it("answers who has read it, and what one user has read", async () => {
    const ask = { announcementId, after: null, limit: 1_000 };
    const unread = await gateway.ask(ListRecipientStates, app, { ...ask, status: "unread" });
    expect(unread.recipients).to.have.length(400);
    const delivered = await gateway.ask(ListRecipientStates, app, { ...ask, status: "delivered" });
    expect(delivered.recipients).to.have.length(400);
    const { states } = await gateway.ask(GetReceiptStates, app, {
      userId: aUserId(201),
      announcementIds: [announcementId],
    });
    expect(states).to.deep.equal([
      {
        announcementId,
        userId: aUserId(201),
        status: "read",
        deliveredAt: 1_000,
        readAt: 2_000,
        openedAt: null,
        deletedAt: null,
      },
    ]);
  });

  it("sums up what it is told of by the hour, and what has become of it, told of twice or once", async () => {
    const accepted = { announcementId, at: 10, recipientCount: sent.length, category: "news" };
    const batches = [...Map.groupBy(sent, partitionOf)].map(([partition, recipients]) => ({
      announcementId,
      batchId: `${app}/${announcementId}/${String(partition).padStart(2, "0")}/0/000000`,
      partition,
      at: 20,
      recipients: recipients.toSorted(),
      hasNotification: false,
      category: "news",
    }));
    const announcer = await openBroker({ ...peer(infra.amqpUrl), service: "announcement-fanout" });
    for (let time = 0; time < 2; time += 1) {
      await announcer.emit(AnnouncementAccepted, app, accepted);
      for (const batch of batches) await announcer.emit(BatchStored, app, batch);
    }
    await announcer.close();
    const expected = { announcements: 1, to: 600, delivered: 400, read: 200 };
    await eventually(summed, expected, { deadlineMs: 60_000 });
  }).timeout(90_000);

  it("tells a requester that a user is no recipient, and another app that there is no such announcement", async () => {
    const receipts: Receipts = [{ userId: "a stranger", kind: "read", at: 1 }];
    const refused = await outcomeOf(gateway.request(RecordReceipts, app, { announcementId, receipts }));
    expect(refused).to.deep.include({ code: "not_found", details: { announcementId, userIds: ["a stranger"] } });

    const foreign = anAppId();
    const ours: Receipts = [{ userId: aUserId(1), kind: "read", at: 1 }];
    const stolen = await outcomeOf(gateway.request(RecordReceipts, foreign, { announcementId, receipts: ours }));
    expect(stolen).to.have.property("code", "not_found");
    expect(await gateway.ask(GetReceiptCounts, foreign, { announcementId })).to.deep.equal({
      delivered: 0,
      read: 0,
      opened: 0,
      deleted: 0,
    });
    const listing = { announcementId, status: "read", after: null, limit: 10 } as const;
    expect(await outcomeOf(gateway.ask(ListRecipientStates, foreign, listing))).to.have.property("code", "not_found");
  });

  it("waits while announcement-fanout is away, spends no attempt on it, and records then", async () => {
    const { delivered, read } = await counts();
    await fanout.close();
    const receipts: Receipts = [{ userId: aUserId(501), kind: "read", at: 1 }];
    await gateway.send(RecordReceipts, app, { announcementId, receipts });
    await eventually(
      () => service.metrics.getSingleMetricAsString("messaging_paused_info"),
      (text) => /dependency="announcement-fanout"\} 1/.test(text),
      { deadlineMs: 15_000 },
    );
    fanout = await openFanout(infra.amqpUrl, app, { [announcementId]: sent });
    await eventually(
      counts,
      { delivered: delivered + 1, read: read + 1, opened: 0, deleted: 0 },
      { deadlineMs: 15_000 },
    );
    expect(await probe.depth(`${QUEUE}.dead-letter`)).to.equal(0);
  }).timeout(40_000);
});
