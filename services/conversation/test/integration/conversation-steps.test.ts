import { randomUUID } from "node:crypto";
import {
  CancelConversationSchedule,
  ChangeConversationSchedule,
  ConversationClosed,
  ConversationCreated,
  ConversationDeleted,
  ConversationOpened,
  ConversationScheduleCanceled,
  ConversationWarned,
  CreateConversation,
  type Event,
  GetConversation,
  GetUserConversation,
  ListMessages,
  MessageCreated,
  ScheduleMessages,
  SendMessage,
} from "@strata/contracts";
import { ack, consumer, on } from "@strata/messaging";
import { type BrokerProbe, declareSubscriberQueues, probeBroker } from "@strata/messaging/testing";
import { type Mongo, openMongo, silentLogger } from "@strata/runtime";
import { anAppId, aUserId, eventually, type Infra, type InProcessService, openInfra, userIds } from "@strata/testing";
import { expect } from "chai";
import { aCreation, DAY, HOUR, saying, terms } from "../lifetimes.ts";
import { aDraft, refusalOf } from "../messages.ts";
import { openDirectory, openPeer, type Peer, startConversation } from "../support.ts";

const QUEUES = ["conversation.conversations.0", "conversation.conversations.1"];
const DEAD_LETTERS = ["conversation.conversations.dead-letter"];
const numbers = (count: number): number[] => Array.from({ length: count }, (_, index) => index);

const aMessageLater = (conversationId: string, delayMs: number) => {
  const { conversationId: _, ...draft } = aDraft(conversationId);
  return { conversationId, messages: [{ ...draft, delayMs, typingMs: 0 }], at: Date.now() };
};

describe("conversations that open, close and go by themselves, over the broker", function overTheBroker() {
  this.timeout(60_000);
  const resources = new AsyncDisposableStack();
  const heard: { readonly name: string; readonly conversationId: string; readonly id: string }[] = [];
  let infra: Infra;
  let probe: BrokerProbe;
  let gateway: Peer;
  let mongo: Mongo;
  let passedMs = 0;
  /** Several processes at once have one clock. */
  const now = (): number => Date.now() + passedMs;
  const started = (): Promise<InProcessService> => startConversation(infra, { DUE_POLL_INTERVAL_MS: "20" }, now);

  const hearing = <Payload extends { readonly conversationId: string }>(event: Event<Payload>) =>
    on(event, async ({ type, id, payload: { conversationId } }) => {
      heard.push({ name: type.replace(/^conversation\.(.*)\.v1$/, "$1"), conversationId, id });
      return ack;
    });

  before(async () => {
    infra = resources.use(await openInfra("conversation-steps"));
    await declareSubscriberQueues(infra.amqpUrl, "conversation");
    resources.use(await openDirectory(infra));
    const opened = await openMongo(infra.mongoUrl("conversation"), silentLogger);
    resources.defer(() => opened.close());
    mongo = opened;
    probe = resources.use(await probeBroker(infra.amqpUrl));
    gateway = resources.use(await openPeer(infra, "gateway"));
    const handlers = [
      hearing(ConversationCreated),
      hearing(ConversationOpened),
      hearing(ConversationWarned),
      hearing(ConversationClosed),
      hearing(ConversationDeleted),
      hearing(ConversationScheduleCanceled),
      hearing(MessageCreated),
    ];
    const listener = consumer({ queue: "integration.steps", scope: "instance", handlers });
    resources.use(await openPeer(infra, "integration", [listener]));
  });
  after(() => resources.disposeAsync());
  afterEach("nothing waits and nothing is dead-lettered", async () => {
    const empty = Object.fromEntries([...QUEUES, ...DEAD_LETTERS].map((queue) => [queue, 0]));
    await eventually(() => probe.depths([...QUEUES, ...DEAD_LETTERS]), empty);
  });

  const create = async (app: string, changed: Parameters<typeof terms>[0]): Promise<string> => {
    const creation = aCreation({ terms: terms(changed) });
    await gateway.request(CreateConversation, app, creation);
    return creation.conversationId;
  };
  const stateOf = async (app: string, conversationId: string) => {
    const { state, conversation } = await gateway.ask(GetConversation, app, { conversationId });
    return conversation?.lifecycle?.state ?? state;
  };
  const standingOf = async (app: string, conversationId: string) =>
    (await gateway.ask(GetUserConversation, app, { conversationId, userId: aUserId(1) })).standing;
  const saidIn = async (app: string, conversationId: string) => {
    const { messages } = await gateway.ask(ListMessages, app, {
      conversationId,
      viewer: null,
      after: null,
      limit: 100,
    });
    return messages?.map(({ parts }) => parts[0]?.body).toReversed();
  };
  /** What was heard of one, each event once. */
  const heardOf = (conversationId: string): readonly string[] => {
    const events = new Map(
      heard.filter((one) => one.conversationId === conversationId).map((one) => [one.id, one.name]),
    );
    return [...events.values()];
  };

  it("take each step once, though everything was down at its moment", async () => {
    const app = anAppId();
    const warning = { beforeMs: HOUR, message: saying("one hour left") };
    const one = await (async () => {
      await using _service = await started();
      return await create(app, {
        opensAt: now() + DAY,
        iceBreaker: [saying("one"), saying("two")],
        closing: { ttlMs: DAY },
        warning,
      });
    })();
    const steps: readonly (readonly [number, string, readonly string[]])[] = [
      [0, "scheduled", []],
      [DAY, "open", ["conversation.created", "message.created", "message.created", "conversation.opened"]],
      [DAY - HOUR, "open", ["message.created", "conversation.warned"]],
      [HOUR, "closed", ["conversation.closed"]],
      [HOUR, "deleted", ["conversation.deleted"]],
    ];
    const expected: string[] = [];
    for (const [ms, state, events] of steps) {
      // Nobody is there while the time passes.
      passedMs += ms;
      await using _services = await twoServices();
      expected.push(...events);
      await eventually(() => stateOf(app, one), state);
      await eventually(() => [...heardOf(one)].toSorted(), expected.toSorted());
      if (state === "scheduled") expect(await standingOf(app, one)).to.equal("stranger");
      if (state === "closed") expect(await saidIn(app, one)).to.deep.equal(["one", "two", "one hour left"]);
    }
  });

  it("are opened or canceled, never both, by 20 who cancel while two processes take steps", async () => {
    await using _services = await twoServices();
    const app = anAppId();
    const opensAt = now() + HOUR;
    // Due one after the other, and canceled from the other end: they meet somewhere.
    const all = await Promise.all(
      numbers(40).map((n) => create(app, { opensAt: opensAt + n, iceBreaker: [saying("hello")] })),
    );
    const cancel = (conversationId: string): Promise<unknown> =>
      gateway.request(CancelConversationSchedule, app, { conversationId }).catch((error: unknown) => error);
    passedMs += HOUR + 40;
    const isAnyOpen = (): boolean =>
      all.some((conversationId) => heardOf(conversationId).includes("conversation.created"));
    await eventually(isAnyOpen, true);
    const contested = all.toReversed();
    await Promise.all(
      numbers(20).map(async (n) => {
        await cancel(contested[n] ?? "");
        await cancel(contested[n + 20] ?? "");
        await cancel(contested[n] ?? "");
      }),
    );

    for (const conversationId of all) {
      await eventually(async () => ["open", "deleted"].includes(await stateOf(app, conversationId)), true);
      const isOpen = (await stateOf(app, conversationId)) === "open";
      const events = isOpen
        ? ["conversation.created", "conversation.opened", "message.created"]
        : ["schedule.canceled"];
      await eventually(() => heardOf(conversationId).toSorted(), events);
      expect(await standingOf(app, conversationId)).to.equal(isOpen ? "participant" : "stranger");
      if (isOpen) expect(await saidIn(app, conversationId)).to.deep.equal(["hello"]);
    }
  });

  it("take what was sent before they closed, and nothing from that moment on, whoever sends while they do", async () => {
    await using _services = await twoServices();
    const app = anAppId();
    const conversationId = await create(app, { closing: { expiresAt: now() + 400 }, graceMs: DAY });
    // Due when it has closed: dropped then, and nobody waits for it any more.
    await gateway.request(ScheduleMessages, app, aMessageLater(conversationId, 600));
    const outcomes: string[] = [];
    const writer = async (n: number): Promise<void> => {
      for (let outcome = "sent"; outcome === "sent";) {
        const draft = aDraft(conversationId, { sender: { userId: aUserId(n) } });
        outcome = await gateway.request(SendMessage, app, draft, { id: randomUUID() }).then(
          (sent) => sent.outcome,
          (error: unknown) => String(Object(error)["code"]),
        );
        outcomes.push(outcome);
      }
    };
    await Promise.all(userIds(2).map((_, index) => writer(index + 1)));
    await eventually(() => stateOf(app, conversationId), "closed");
    const due = () => mongo.db.collection("scheduled_messages").countDocuments({ app, dueAt: { $gt: 0 } });
    await eventually(due, 0);
    const { conversation } = await gateway.ask(GetConversation, app, { conversationId });
    const closedAt = conversation?.lifecycle?.steps.find(({ step }) => step === "close")?.at ?? 0;
    const { messages, total } = await gateway.ask(ListMessages, app, {
      conversationId,
      viewer: null,
      after: null,
      limit: 1,
    });
    expect(messages?.[0]?.sentAt).to.be.lessThan(closedAt);
    expect(outcomes.filter((outcome) => outcome === "sent")).to.have.lengthOf(total);
    expect(outcomes.filter((outcome) => outcome !== "sent")).to.deep.equal([
      "conversation_closed",
      "conversation_closed",
    ]);
  });

  it("go by the schedule that they have when it is due, whatever they had before", async () => {
    await using _services = await twoServices();
    const app = anAppId();
    const conversationId = await create(app, { opensAt: now() + HOUR });
    const change = { conversationId, change: { opensAt: now() + 3 * HOUR } };
    await gateway.request(ChangeConversationSchedule, app, change);
    const sooner = await create(app, { opensAt: now() + HOUR });
    passedMs += 2 * HOUR;
    await eventually(() => stateOf(app, sooner), "open");
    expect(await stateOf(app, conversationId)).to.equal("scheduled");
    expect(await refusalOf(gateway.request(SendMessage, app, aDraft(conversationId)))).to.equal("not_found");
    passedMs += HOUR;
    await eventually(() => stateOf(app, conversationId), "open");
  });

  async function twoServices(): Promise<AsyncDisposable> {
    const both = new AsyncDisposableStack();
    both.use(await started());
    both.use(await started());
    return both;
  }
});
