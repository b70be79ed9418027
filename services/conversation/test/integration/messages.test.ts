import { randomUUID } from "node:crypto";
import {
  ChangeConversation,
  ChangeParts,
  ConversationRead,
  CountUnread,
  CreateConversation,
  DeleteConversation,
  DeleteMessage,
  type Event,
  GetMessage,
  GetMessageNotification,
  GetUserConversation,
  HideMessage,
  ListMessages,
  MarkAllRead,
  MessageCreated,
  MessageDelayed,
  MessageDeleted,
  MessageReceiptsRecorded,
  MessageUpdated,
  GetMessageHistory,
  type PayloadOf,
  RecordMessageReceipt,
  ScheduleMessages,
  SendMessage,
  TypingStarted,
  UserDeleted,
} from "@strata/contracts";
import { ack, consumer, on } from "@strata/messaging";
import { type BrokerProbe, declareSubscriberQueues, probeBroker } from "@strata/messaging/testing";
import { openMongo, silentLogger } from "@strata/runtime";
import { anAppId, aUserId, eventually, type Infra, openInfra, userIds } from "@strata/testing";
import { expect } from "chai";
import { newMessage } from "../../src/domain/message.ts";
import { mongoMessageStore } from "../../src/store/message-store.ts";
import { mongoMessagePolicyStore } from "../../src/store/message-policy-store.ts";
import { aDraft, aMessageId, aPart, refusalOf } from "../messages.ts";
import { aBeforeSend, aPolicy } from "../policies.ts";
import { type Directory, limits, openDirectory, openPeer, type Peer, startConversation } from "../support.ts";

const QUEUES = ["conversation.conversations.0", "conversation.conversations.1", "conversation.receipts"];
const DEAD_LETTERS = ["conversation.conversations.dead-letter", "conversation.receipts.dead-letter"];
const numbers = (count: number): number[] => Array.from({ length: count }, (_, index) => index + 1);

/** Keeps what an event says. */
const keeping = <Payload>(event: Event<Payload>, list: Payload[]) =>
  on(event, async ({ payload }) => {
    list.push(payload);
    return ack;
  });

/** Keeps that there was one. */
const noting = <Payload>(event: Event<Payload>, list: string[]) =>
  on(event, async ({ type }) => {
    list.push(type);
    return ack;
  });

const later = (conversationId: string, delays: readonly number[], changed: Parameters<typeof aDraft>[1] = {}) => ({
  conversationId,
  at: Date.now(),
  messages: delays.map((delayMs) => {
    const { conversationId: _, ...draft } = aDraft(conversationId, changed);
    return { ...draft, messageId: aMessageId(), delayMs, typingMs: 0 };
  }),
});

describe("messages", function () {
  this.timeout(30_000);
  const resources = new AsyncDisposableStack();
  let infra: Infra;
  let probe: BrokerProbe;
  let directory: Directory;
  let gateway: Peer;
  const created: PayloadOf<typeof MessageCreated>[] = [];
  const delayed: PayloadOf<typeof MessageDelayed>[] = [];
  const typing: PayloadOf<typeof TypingStarted>[] = [];
  const receipts: PayloadOf<typeof MessageReceiptsRecorded>[] = [];
  const others: string[] = [];

  before(async () => {
    infra = resources.use(await openInfra("conversation-messages"));
    await declareSubscriberQueues(infra.amqpUrl, "conversation");
    directory = resources.use(await openDirectory(infra));
    resources.use(await startConversation(infra, { DUE_POLL_INTERVAL_MS: "20", SLOW_MESSAGE_MS: "1" }));
    probe = resources.use(await probeBroker(infra.amqpUrl));
    gateway = resources.use(await openPeer(infra, "gateway"));
    const handlers = [
      keeping(MessageCreated, created),
      keeping(MessageDelayed, delayed),
      keeping(TypingStarted, typing),
      keeping(MessageReceiptsRecorded, receipts),
      noting(MessageUpdated, others),
      noting(MessageDeleted, others),
      noting(ConversationRead, others),
    ];
    resources.use(
      await openPeer(infra, "integration", [consumer({ queue: "integration.messages", scope: "instance", handlers })]),
    );
  });
  after(() => resources.disposeAsync());
  afterEach("nothing waits and nothing is dead-lettered", async () => {
    const empty = Object.fromEntries([...QUEUES, ...DEAD_LETTERS].map((queue) => [queue, 0]));
    await eventually(() => probe.depths([...QUEUES, ...DEAD_LETTERS]), empty);
  });

  /** A conversation of the first users of an app. */
  const aConversation = async (count = 3, app = anAppId()) => {
    const conversationId = randomUUID();
    const participants = userIds(count);
    const beginning = { conversationId, participants, distinct: false, metadata: null, limits: limits() };
    await gateway.request(CreateConversation, app, beginning);
    const send = async (changed: Parameters<typeof aDraft>[1] = {}, id?: string) => {
      const sent = await gateway.request(SendMessage, app, aDraft(conversationId, changed), id ? { id } : {});
      if (sent.message === null) throw new Error("not sent");
      return sent.message;
    };
    const list = (viewer: string | null, after: string | null = null) =>
      gateway.ask(ListMessages, app, { conversationId, viewer, after, limit: 100 });
    const positions = async () => (await list(null)).messages?.map(({ position }) => position).toReversed();
    const unreadOf = (userId: string) => gateway.ask(CountUnread, app, { userId });
    const viewOf = async (userId: string) => {
      const { conversation } = await gateway.ask(GetUserConversation, app, { conversationId, userId });
      return conversation;
    };
    const createdHere = () => created.filter((event) => event.conversationId === conversationId);
    return { app, conversationId, send, list, positions, unreadOf, viewOf, createdHere };
  };

  it("tells those who can give way that messages take longer than they should", async () => {
    const { send } = await aConversation();
    delayed.length = 0;
    // Told a few times a second at most, so one of some; here more than a millisecond is long.
    await eventually(
      async () => {
        await send();
        return delayed.length;
      },
      (told) => told > 0,
    );
    expect(delayed[0]).to.have.property("waitedMs").that.is.above(1);
  });

  it("gives 20 concurrent writers of one conversation dense positions, though every command is delivered twice", async () => {
    const { app, conversationId, list, positions, createdHere } = await aConversation(20);
    const writer = async (n: number) => {
      for (const _ of numbers(5)) {
        const draft = aDraft(conversationId, { sender: { userId: aUserId(n) } });
        const id = randomUUID();
        const [one, two] = await Promise.all([
          gateway.request(SendMessage, app, draft, { id }),
          gateway.request(SendMessage, app, draft, { id }),
        ]);
        expect(two).to.deep.equal(one);
        expect(one).to.have.property("outcome", "sent");
      }
    };
    await Promise.all(numbers(20).map(writer));
    expect(await positions()).to.deep.equal(numbers(100));
    expect((await list(null)).total).to.equal(100);
    // Facts may come twice; each says by its id which it is.
    const facts = await eventually(
      () => new Map(createdHere().map(({ messageId, position }) => [messageId, position])),
      ({ size }) => size === 100,
    );
    expect([...facts.values()].toSorted((a, b) => a - b)).to.deep.equal(numbers(100));
  });

  it("goes on densely where a killed writer left a message that its conversation does not know of", async () => {
    const { app, conversationId, send, positions } = await aConversation(20);
    await send();
    const left = { app, id: randomUUID(), payload: aDraft(conversationId) };
    const mongo = await openMongo(infra.mongoUrl("conversation"), silentLogger);
    const place = { position: 2, sentAt: Date.now(), participants: userIds(20), blockers: [] };
    await mongoMessageStore(mongo.db).insert([newMessage(left, place)]);
    await mongo.close();
    const sending = numbers(20).map((n) => send({ sender: { userId: aUserId(n) } }));
    const again = await gateway.request(SendMessage, app, left.payload, { id: left.id });
    expect(again.message).to.have.property("position", 2);
    const sent = (await Promise.all(sending)).map(({ position }) => position).toSorted((a, b) => a - b);
    expect(sent).to.deep.equal(numbers(22).slice(2));
    expect(await positions()).to.deep.equal(numbers(22));
  });

  it("hides what a blocked sender says from who blocks him, counts it for everybody else, and tells nobody of it to her", async () => {
    const { app, send, list, unreadOf, viewOf, createdHere } = await aConversation();
    directory.blockers.set(aUserId(1), [aUserId(2)]);
    const hidden = await send();
    directory.blockers.delete(aUserId(1));
    const shown = await send({ notification: { text: "hello" } });

    expect((await list(aUserId(2))).messages?.map(({ messageId }) => messageId)).to.deep.equal([shown.messageId]);
    expect((await list(aUserId(2))).total).to.equal(1);
    expect((await list(aUserId(3))).total).to.equal(2);
    expect(await unreadOf(aUserId(2))).to.deep.equal({ unreadMessages: 1, unreadConversations: 1 });
    expect(await unreadOf(aUserId(3))).to.deep.equal({ unreadMessages: 2, unreadConversations: 1 });
    expect(await viewOf(aUserId(2))).to.deep.include({ unreadCount: 1, messageCount: 1 });
    const recipients = await eventually(
      () => createdHere().map((event) => event.recipients),
      (seen) => seen.length === 2,
    );
    expect(recipients).to.deep.equal([[aUserId(3)], [aUserId(2), aUserId(3)]]);
    const asked = { messageId: hidden.messageId, conversationId: null, viewer: aUserId(2) };
    expect(await gateway.ask(GetMessage, app, asked)).to.deep.equal({ message: null, standing: "participant" });
    const receipt = { messageId: hidden.messageId, userId: aUserId(2), kind: "read", at: 5 } as const;
    expect(await refusalOf(gateway.request(RecordMessageReceipt, app, receipt))).to.equal("not_found");
    const { notification } = await gateway.ask(GetMessageNotification, app, { messageId: shown.messageId });
    expect(notification).to.deep.equal({ text: "hello" });
  });

  it("counts each receipt once, only forward, and marks all as read up to a position", async () => {
    const { app, conversationId, send, list, unreadOf } = await aConversation();
    const messages = [await send(), await send(), await send()];
    const [first, second] = messages;
    const report = (messageId: string | undefined, kind: "read" | "delivered", at: number) =>
      gateway.request(RecordMessageReceipt, app, { messageId: messageId ?? "", userId: aUserId(2), kind, at });
    await report(first?.messageId, "delivered", 10);
    await report(first?.messageId, "read", 20);
    await report(first?.messageId, "read", 30);
    await report(second?.messageId, "read", 40);
    await report(second?.messageId, "delivered", 50);
    const facts = () =>
      receipts
        .filter((event) => event.conversationId === conversationId)
        .flatMap(({ position, receipts: some }) => some.map(({ kind, at }) => [position, kind, at]));
    await eventually(facts, [
      [1, "delivered", 10],
      [1, "read", 20],
      [2, "read", 40],
    ]);
    const statuses = async () =>
      (await list(aUserId(2))).messages?.map(({ recipients, isUnread, receivedAt }) => [
        recipients.find(({ userId }) => userId === aUserId(2))?.status,
        isUnread,
        receivedAt,
      ]);
    expect(await statuses()).to.deep.equal([
      ["sent", true, null],
      ["read", false, 40],
      ["read", false, 10],
    ]);
    expect(await unreadOf(aUserId(2))).to.deep.equal({ unreadMessages: 1, unreadConversations: 1 });

    const mark = { conversationId, userId: aUserId(3), position: 2, at: 60 };
    expect(await gateway.request(MarkAllRead, app, mark)).to.deep.equal({ position: 2 });
    expect(await unreadOf(aUserId(3))).to.deep.equal({ unreadMessages: 1, unreadConversations: 1 });
    expect(await gateway.request(MarkAllRead, app, { ...mark, position: null })).to.deep.equal({ position: 3 });
    expect(await unreadOf(aUserId(3))).to.deep.equal({ unreadMessages: 0, unreadConversations: 0 });
    await eventually(() => others.filter((type) => type === ConversationRead.type).length, 2);
    expect(await refusalOf(gateway.request(MarkAllRead, app, { ...mark, userId: aUserId(9) }))).to.equal(
      "access_denied",
    );
  });

  it("changes, hides and deletes messages, and every view agrees", async () => {
    const { app, conversationId, send, list, viewOf } = await aConversation();
    const [first, second] = [await send(), await send()];
    const change = {
      conversationId,
      messageId: first.messageId,
      change: { kind: "append" as const, part: aPart("more") },
      maxParts: 10,
      at: 99,
    };
    const { message, changed } = await gateway.request(ChangeParts, app, change);
    expect(message.parts.map(({ body, updatedAt }) => [body, updatedAt])).to.deep.equal([
      ["hi", null],
      ["more", 99],
    ]);
    expect(changed).to.deep.equal([message.parts[1]?.partId]);
    expect(message.updatedAt).to.equal(99);

    const named = { conversationId, messageId: second.messageId };
    await gateway.request(HideMessage, app, { ...named, userId: aUserId(2) });
    expect(await viewOf(aUserId(2))).to.deep.include({ unreadCount: 1, messageCount: 1 });
    expect((await viewOf(aUserId(2)))?.lastMessage).to.have.property("messageId", first.messageId);
    expect(await viewOf(aUserId(3))).to.deep.include({ unreadCount: 2, messageCount: 2 });

    await gateway.request(DeleteMessage, app, { ...named, actor: null });
    expect(await refusalOf(gateway.request(DeleteMessage, app, { ...named, actor: null }))).to.equal("not_found");
    expect(await viewOf(aUserId(3))).to.deep.include({ unreadCount: 1, messageCount: 1 });
    expect((await list(null)).messages?.map(({ messageId }) => messageId)).to.deep.equal([first.messageId]);
    expect((await send()).position).to.equal(3);
    await eventually(() => others.filter((type) => type === MessageDeleted.type).length, 2);
    await eventually(() => others.includes(MessageUpdated.type), true);
  });

  it("sends a batch later, one after the other, and shows its sender typing before", async () => {
    const { app, conversationId, list } = await aConversation();
    const batch = later(conversationId, [0, 200, 0, 100]);
    const [, second] = batch.messages;
    if (second) second.typingMs = 150;
    await gateway.request(ScheduleMessages, app, batch);
    await eventually(async () => (await list(null)).total, 4);
    const sent = (await list(null)).messages?.toReversed() ?? [];
    expect(sent.map(({ messageId }) => messageId)).to.deep.equal(batch.messages.map(({ messageId }) => messageId));
    const shown = typing.filter((event) => event.conversationId === conversationId);
    expect(shown.map(({ sender, forMs }) => [sender, forMs > 0 && forMs <= 150])).to.deep.equal([
      [{ userId: aUserId(1) }, true],
    ]);
  });

  it("drops what is still to come when the conversation is deleted first", async () => {
    const { app, conversationId, list, createdHere } = await aConversation();
    await gateway.request(ScheduleMessages, app, later(conversationId, [0, 300, 0]));
    await eventually(async () => (await list(null)).total, 1);
    await gateway.request(DeleteConversation, app, { conversationId, actor: null });
    await eventually(pendingSchedules, 0);
    expect(createdHere()).to.have.lengthOf(1);
    expect(await refusalOf(gateway.request(ScheduleMessages, app, later(conversationId, [0])))).to.equal(
      "object_deleted",
    );
  });

  it("drops what is still to come of a sender who has left, in whoever's name it was scheduled, and sends the rest", async () => {
    const { app, conversationId, list } = await aConversation();
    const [his, theirs] = [
      later(conversationId, [300], { authority: "backend" }),
      later(conversationId, [300], { authority: "backend", sender: { name: "System" } }),
    ];
    await gateway.request(ScheduleMessages, app, his);
    await gateway.request(ScheduleMessages, app, theirs);
    const change = {
      conversationId,
      actor: null,
      changes: [{ kind: "remove-participant" as const, userId: aUserId(1) }],
      limits: limits(),
    };
    await gateway.request(ChangeConversation, app, change);
    await eventually(pendingSchedules, 0);
    const sent = (await list(null)).messages?.map(({ messageId }) => messageId);
    expect(sent).to.deep.equal(theirs.messages.map(({ messageId }) => messageId));
  });

  it("says nothing any more in the name of who was deleted since it was scheduled, though she takes no part", async () => {
    const { app, conversationId, list } = await aConversation();
    const [gone, stays] = [aUserId(8), aUserId(9)];
    // As if it had been scheduled before: its time need not be waited for.
    await directory.emit(UserDeleted, app, { userId: gone, at: Date.now() + 60_000 });
    const forgotten = () => inDatabase("forgotten_users", { _id: `${app}/${gone}` });
    await eventually(forgotten, 1);
    for (const userId of [gone, stays])
      await gateway.request(
        ScheduleMessages,
        app,
        later(conversationId, [0], { authority: "backend", sender: { userId } }),
      );
    await eventually(pendingSchedules, 0);
    expect((await list(null)).messages?.map(({ sender }) => sender)).to.deep.equal([{ userId: stays }]);
  });

  it("sends what is scheduled though nobody is there who could ask the backend, where its policy fails open", async () => {
    const { app, conversationId, list } = await aConversation();
    const mongo = await openMongo(infra.mongoUrl("conversation"), silentLogger);
    const policy = aPolicy([], { beforeSend: aBeforeSend({ onFailure: "allow" }) });
    await mongoMessagePolicyStore(mongo.db).put(app, policy, { at: 1, by: "a test" });
    await mongo.close();
    await gateway.request(ScheduleMessages, app, later(conversationId, [0]));
    await eventually(async () => (await list(null)).total, 1);
    const [sent] = (await list(null)).messages ?? [];
    const { history } = await gateway.ask(GetMessageHistory, app, { conversationId, messageId: sent?.messageId ?? "" });
    expect(history?.[0]).to.have.nested.include({ "hits[0].note": "nobody was there to ask it" });
  });

  const inDatabase = async (collection: string, filter: Readonly<Record<string, unknown>>): Promise<number> => {
    const mongo = await openMongo(infra.mongoUrl("conversation"), silentLogger);
    try {
      return await mongo.db.collection<Readonly<Record<string, unknown>>>(collection).countDocuments(filter);
    } finally {
      await mongo.close();
    }
  };
  const pendingSchedules = () => inDatabase("scheduled_messages", { dueAt: { $gt: 0 } });
});
