import { randomBytes, randomUUID } from "node:crypto";
import { CreateConversation, ListMessages, MessageCreated, ScheduleMessages, SendMessage } from "@strata/contracts";
import { type BrokerProbe, declareSubscriberQueues, messagesIn, probeBroker } from "@strata/messaging/testing";
import { type Mongo, openMongo, silentLogger } from "@strata/runtime";
import {
  anAppId,
  aUserId,
  eventually,
  type Infra,
  openInfra,
  type SpawnedService,
  spawnService,
} from "@strata/testing";
import { userIds } from "@strata/testing";
import { expect } from "chai";
import { aCreation, saying, terms } from "../lifetimes.ts";
import { aDraft, aMessageId } from "../messages.ts";
import { limits, openDirectory, openPeer, type Peer } from "../support.ts";

const DEAD_LETTERS = ["conversation.conversations.dead-letter", "conversation.receipts.dead-letter"];
const numbers = (count: number): number[] => Array.from({ length: count }, (_, index) => index + 1);

describe("a conversation service that is killed", function () {
  this.timeout(240_000);
  const resources = new AsyncDisposableStack();
  let infra: Infra;
  let probe: BrokerProbe;
  let gateway: Peer;
  let mongo: Mongo;
  let service: SpawnedService;

  const spawned = (): Promise<SpawnedService> =>
    spawnService({
      name: "conversation",
      readyDeadlineMs: 60_000,
      env: {
        AMQP_URL: infra.amqpUrl,
        MONGO_URL: infra.mongoUrl("conversation"),
        ORDERED_QUEUES: "2",
        DUE_POLL_INTERVAL_MS: "20",
        CONTENT_PORT: "0",
        CONTENT_KEY: randomBytes(32).toString("base64"),
      },
    });
  before(async () => {
    infra = resources.use(await openInfra("conversation-kills"));
    await declareSubscriberQueues(infra.amqpUrl, "conversation");
    resources.use(await openDirectory(infra));
    probe = resources.use(await probeBroker(infra.amqpUrl));
    gateway = resources.use(await openPeer(infra, "gateway"));
    const opened = await openMongo(infra.mongoUrl("conversation"), silentLogger);
    resources.defer(() => opened.close());
    mongo = opened;
    service = await spawned();
    resources.defer(() => service[Symbol.asyncDispose]());
  });
  after(() => resources.disposeAsync());
  afterEach("nothing is dead-lettered", async () => {
    await eventually(() => probe.depths(DEAD_LETTERS), Object.fromEntries(DEAD_LETTERS.map((queue) => [queue, 0])));
  });

  const killed = async (): Promise<void> => {
    const { signal } = await service.kill("SIGKILL");
    expect(signal).to.equal("SIGKILL");
    service = await spawned();
  };
  const aConversation = async (app: string) => {
    const conversationId = randomUUID();
    const beginning = { conversationId, participants: userIds(20), distinct: false, metadata: null, limits: limits() };
    await gateway.request(CreateConversation, app, beginning);
    return conversationId;
  };
  const countStored = (app: string) => mongo.db.collection("messages").countDocuments({ app });
  const listed = async (app: string, conversationId: string) => {
    const asked = { conversationId, viewer: null, after: null, limit: 100 };
    return (await gateway.ask(ListMessages, app, asked)).messages?.toReversed() ?? [];
  };
  /** What push-delivery would hear: message ids and positions, repeats and all. */
  const createdOf = async (app: string) => {
    const messages = await probe.drain("push-delivery.messages");
    return messages
      .filter(({ properties }) => properties.appId === app)
      .flatMap(messagesIn)
      .map(({ content }) => MessageCreated.payload.parse(JSON.parse(content.toString())));
  };

  it("loses and repeats no message of 20 writers, and leaves no gap between positions", async () => {
    const app = anAppId();
    const conversationId = await aConversation(app);
    const replies = numbers(20).flatMap((n) =>
      numbers(5).map(() => {
        const draft = aDraft(conversationId, { sender: { userId: aUserId(n) } });
        return gateway.request(SendMessage, app, draft, { timeoutMs: 200_000 });
      }),
    );
    for (const count of [10, 40, 70]) {
      await eventually(
        () => countStored(app),
        (stored) => stored >= count,
        { deadlineMs: 60_000, everyMs: 1 },
      );
      await killed();
    }
    const answered = await Promise.all(replies);
    expect(new Set(answered.map(({ outcome }) => outcome))).to.deep.equal(new Set(["sent"]));
    const messages = await listed(app, conversationId);
    expect(messages.map(({ position }) => position)).to.deep.equal(numbers(100));
    const places = new Map(messages.map(({ messageId, position }) => [messageId, position]));
    for (const { message } of answered) expect(places.get(message?.messageId ?? "")).to.equal(message?.position);
    const facts = new Map((await createdOf(app)).map(({ messageId, position }) => [messageId, position]));
    expect(facts).to.deep.equal(places);
  });

  it("opens each of 30 conversations once, and each with what it begins with, over two kills while they open", async () => {
    const app = anAppId();
    const iceBreaker = [saying("one"), saying("two")];
    const opensAt = Date.now() + 3_000;
    const all = await Promise.all(
      numbers(30).map(async () => {
        const creation = aCreation({ terms: terms({ opensAt, iceBreaker }) });
        await gateway.request(CreateConversation, app, creation);
        return creation.conversationId;
      }),
    );
    for (const count of [1, 25]) {
      await eventually(
        () => countStored(app),
        (stored) => stored >= count,
        { deadlineMs: 30_000, everyMs: 1 },
      );
      await killed();
    }
    await eventually(() => countStored(app), 60, { deadlineMs: 60_000 });
    const due = () => mongo.db.collection("conversations").countDocuments({ app, stepDueAt: { $exists: true } });
    await eventually(due, 0, { deadlineMs: 30_000 });
    for (const conversationId of all) {
      const said = await listed(app, conversationId);
      expect(said.map(({ parts }) => parts[0]?.body)).to.deep.equal(["one", "two"]);
      expect(said.map(({ position }) => position)).to.deep.equal([1, 2]);
    }
    const facts = new Set((await createdOf(app)).map(({ messageId }) => messageId));
    expect(facts.size).to.equal(60);
  });

  it("sends what was scheduled once and in order, over two kills", async () => {
    const app = anAppId();
    const conversationId = await aConversation(app);
    const messages = numbers(12).map((n) => {
      const { conversationId: _, ...draft } = aDraft(conversationId, { messageId: aMessageId() });
      return Object.assign(draft, { delayMs: n % 3 === 0 ? 150 : 0, typingMs: 0 });
    });
    await gateway.request(ScheduleMessages, app, { conversationId, messages, at: Date.now() });
    for (const count of [1, 5]) {
      await eventually(
        () => countStored(app),
        (stored) => stored >= count,
        { deadlineMs: 30_000, everyMs: 1 },
      );
      await killed();
    }
    await eventually(() => countStored(app), 12, { deadlineMs: 60_000 });
    const sent = await listed(app, conversationId);
    expect(sent.map(({ messageId }) => messageId)).to.deep.equal(messages.map(({ messageId }) => messageId));
    expect(sent.map(({ position }) => position)).to.deep.equal(numbers(12));
    const schedules = mongo.db.collection("scheduled_messages");
    await eventually(() => schedules.countDocuments({ app, dueAt: { $gt: 0 } }), 0, { deadlineMs: 30_000 });
    expect(await countStored(app)).to.equal(12);
  });
});
