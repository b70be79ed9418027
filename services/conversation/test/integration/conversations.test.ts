import { randomUUID } from "node:crypto";
import {
  ChangeConversation,
  ClearConversation,
  ConversationCleared,
  type ConversationChange,
  ConversationCreated,
  ConversationDeleted,
  CreateConversation,
  DeleteConversation,
  GetConversation,
  GetUserConversation,
  ListUserConversations,
  MetadataChanged,
  ParticipantsChanged,
  SendMessage,
  UserDeleted,
} from "@strata/contracts";
import { ack, consumer, type Delivery, on } from "@strata/messaging";
import { type BrokerProbe, declareSubscriberQueues, probeBroker } from "@strata/messaging/testing";
import {
  anAppId,
  aUserId,
  eventually,
  type Infra,
  type InProcessService,
  openInfra,
  type TcpProxy,
  tcpProxy,
  userIds,
} from "@strata/testing";
import { expect } from "chai";
import { knownUsersOver } from "../../src/known-users.ts";
import {
  aConversationId,
  aDelivery,
  type Directory,
  limits,
  openDirectory,
  openPeer,
  type Peer,
  startConversation,
} from "../support.ts";

const [ann, bea, cem] = [aUserId(1), aUserId(2), aUserId(3)];

const failureOf = (request: Promise<unknown>): Promise<unknown> => request.catch((error: unknown) => error);
const setTopic = (value: string): ConversationChange => ({ kind: "set-metadata", path: ["topic"], value });

const creation = (participants: readonly string[] = [ann, bea], distinct = false) => ({
  conversationId: aConversationId(),
  participants: [...participants],
  distinct,
  metadata: null,
  limits: limits(),
});
const change = (conversationId: string, changes: ConversationChange[], actor: string | null = null) => ({
  conversationId,
  actor,
  changes,
  limits: limits(),
});
/** A command that is delivered three times answers the same each time. */
const thrice = async <Reply>(send: (id: string) => Promise<Reply>): Promise<void> => {
  const id = randomUUID();
  const first = await send(id);
  expect(await send(id)).to.deep.equal(first);
  expect(await send(id)).to.deep.equal(first);
};

describe("conversations", function conversations() {
  this.timeout(60_000);
  const resources = new AsyncDisposableStack();
  /** What was told of conversations: type, conversation. */
  const heard: { readonly type: string; readonly conversationId: string; readonly payload: object }[] = [];
  let infra: Infra;
  let mongo: TcpProxy;
  let probe: BrokerProbe;
  let directory: Directory;
  let gateway: Peer;
  let service: InProcessService;

  const hear = async ({ type, payload }: Delivery<{ conversationId: string }>) => {
    heard.push({ type, conversationId: payload.conversationId, payload });
    return ack;
  };
  const restart = () => startConversation(infra, { MONGO_URL: mongo.url, PURGE_INTERVAL_MS: "50" });

  before(async () => {
    infra = resources.use(await openInfra("conversations"));
    await declareSubscriberQueues(infra.amqpUrl, "conversation");
    mongo = resources.use(await tcpProxy(infra.mongoUrl("conversation")));
    probe = resources.use(await probeBroker(infra.amqpUrl));
    directory = await openDirectory(infra);
    resources.defer(() => directory[Symbol.asyncDispose]());
    service = await restart();
    resources.defer(() => service[Symbol.asyncDispose]());
    gateway = resources.use(await openPeer(infra, "gateway"));
    const events = [
      ConversationCreated,
      ParticipantsChanged,
      MetadataChanged,
      ConversationDeleted,
      ConversationCleared,
    ].map((event) => on(event, hear));
    const hearing = await gateway.consume([
      consumer({ queue: "gateway.conversations", scope: "instance", handlers: events }),
    ]);
    resources.defer(() => hearing.close());
  });
  after(() => resources.disposeAsync());

  const LANE = "conversation.conversations";
  afterEach("nothing waits and nothing is dead-lettered", async () => {
    const lanes = [`${LANE}.0`, `${LANE}.1`, "conversation.deleted-users"];
    const queues = [...lanes, `${LANE}.dead-letter`, "conversation.deleted-users.dead-letter"];
    await eventually(() => probe.depths(queues), Object.fromEntries(queues.map((queue) => [queue, 0])));
  });

  const typesOf = (conversationId: string) =>
    heard.filter((one) => one.conversationId === conversationId).map(({ type }) => type);
  const create = async (app: string, participants?: readonly string[]) => {
    const payload = creation(participants);
    await gateway.request(CreateConversation, app, payload);
    return payload.conversationId;
  };
  const say = (app: string, conversationId: string, text: string) =>
    gateway.request(SendMessage, app, {
      conversationId,
      messageId: randomUUID(),
      sender: { userId: ann },
      authority: "backend",
      parts: [{ partId: null, mimeType: "text/plain", body: text, encoding: null, content: null }],
      notification: null,
    });
  const listOf = async (app: string, userId: string) => {
    const page = await gateway.ask(ListUserConversations, app, {
      userId,
      order: "last_message",
      after: null,
      limit: 100,
    });
    return page.conversations ?? [];
  };

  it("are created, changed and deleted once each, though every command is delivered three times", async () => {
    const app = anAppId();
    const payload = creation();
    const { conversationId } = payload;
    await thrice((id) => gateway.request(CreateConversation, app, payload, { id }));
    await thrice((id) =>
      gateway.request(
        ChangeConversation,
        app,
        change(conversationId, [{ kind: "add-participant", userId: cem }, setTopic("boats")]),
        { id },
      ),
    );
    const { conversation } = await gateway.ask(GetConversation, app, { conversationId });
    expect(conversation).to.deep.include({ participants: [ann, bea, cem], metadata: { topic: "boats" }, version: 2 });
    await thrice((id) => gateway.request(DeleteConversation, app, { conversationId, actor: null }, { id }));

    const { state } = await gateway.ask(GetConversation, app, { conversationId });
    expect(state).to.equal("deleted");
    // A change that is done and told is not told again.
    await eventually(() => typesOf(conversationId).length, 8);
    const facts = new Set(
      heard.filter((one) => one.conversationId === conversationId).map((one) => JSON.stringify(one)),
    );
    expect(facts).to.have.property("size", 4);
  });

  it("are changed in the order in which it was asked for, between their creation and their end", async () => {
    const app = anAppId();
    const payload = creation();
    const { conversationId } = payload;
    const sent = [
      gateway.send(CreateConversation, app, payload),
      ...Array.from({ length: 40 }, (_, n) =>
        gateway.send(ChangeConversation, app, change(conversationId, [setTopic(String(n))])),
      ),
    ];
    await Promise.all(sent);
    const last = await gateway.request(ChangeConversation, app, change(conversationId, []));
    expect(last).to.deep.include({ version: 41, metadata: { topic: "39" } });
    await gateway.request(DeleteConversation, app, { conversationId, actor: ann });
    await eventually(() => typesOf(conversationId).length, 42);
    expect(typesOf(conversationId).at(0)).to.equal(ConversationCreated.type);
    expect(typesOf(conversationId).at(-1)).to.equal(ConversationDeleted.type);
  });

  it("are one, where many ask for the distinct one of the same people at once", async () => {
    const app = anAppId();
    const replies = await Promise.all(
      Array.from({ length: 20 }, (_, n) =>
        gateway.request(CreateConversation, app, creation(n % 2 === 0 ? [ann, bea] : [bea, ann], true)),
      ),
    );
    expect(replies.filter(({ outcome }) => outcome === "created")).to.have.lengthOf(1);
    expect(new Set(replies.map(({ conversation }) => conversation?.conversationId))).to.have.property("size", 1);
    expect(await listOf(app, ann)).to.have.lengthOf(1);
  });

  it("make those known whom nobody knew", async () => {
    const app = anAppId();
    const [first, second] = [`nobody-${randomUUID()}`, `nobody-${randomUUID()}`];
    const conversationId = await create(app, [ann, first]);
    expect(directory.madeKnown.has(first)).to.equal(true);
    await gateway.request(
      ChangeConversation,
      app,
      change(conversationId, [{ kind: "add-participant", userId: second }]),
    );
    expect(directory.madeKnown.has(second)).to.equal(true);
  });

  it("make nobody known by a later time than that of the command, which may be from before her deletion", async () => {
    const late = `nobody-${randomUUID()}`;
    const command = { ...aDelivery({}), sentAt: new Date(5_000) };
    await knownUsersOver(gateway).ensure(anAppId(), [late], command);
    expect(directory.namedAt.get(late)).to.equal(5_000);
  });

  it("refuse, and tell the caller why", async () => {
    const app = anAppId();
    const conversationId = await create(app);
    const renaming = change(conversationId, [setTopic("boats")], cem);
    expect(await failureOf(gateway.request(ChangeConversation, app, renaming))).to.include({ code: "not_found" });
    const crowd = change(conversationId, [{ kind: "set-participants", userIds: userIds(251) }]);
    expect(await failureOf(gateway.request(ChangeConversation, app, crowd))).to.deep.include({
      code: "invalid_property",
      details: { property: "participants" },
    });
    const elsewhere = { conversationId, actor: null };
    expect(await failureOf(gateway.request(DeleteConversation, anAppId(), elsewhere))).to.include({
      code: "not_found",
    });
    await gateway.request(DeleteConversation, app, { conversationId, actor: ann });
    expect(await failureOf(gateway.request(ChangeConversation, app, change(conversationId, [])))).to.include({
      code: "object_deleted",
    });
    expect(await failureOf(say(app, conversationId, "too late"))).to.include({ code: "object_deleted" });
  });

  it("show each user what she sees of them: cleared until the next message, left up to then, gone when deleted", async () => {
    const app = anAppId();
    const [first, second] = [await create(app), await create(app)];
    await say(app, first, "one");
    expect((await listOf(app, bea)).map(({ conversationId }) => conversationId)).to.deep.equal([first, second]);
    expect((await listOf(app, bea))[0]).to.deep.include({ unreadCount: 1, messageCount: 1, lastPosition: 1 });

    await gateway.request(ClearConversation, app, { conversationId: first, userId: bea, leave: false });
    expect((await listOf(app, bea)).map(({ conversationId }) => conversationId)).to.deep.equal([second]);
    await say(app, first, "two");
    expect((await listOf(app, bea))[0]).to.deep.include({ conversationId: first, unreadCount: 1, messageCount: 1 });

    await gateway.request(ChangeConversation, app, change(first, [{ kind: "remove-participant", userId: bea }]));
    await say(app, first, "three");
    const left = await gateway.ask(GetUserConversation, app, { conversationId: first, userId: bea });
    expect(left).to.have.property("standing", "left");
    expect(left.conversation).to.deep.include({ participants: [], lastPosition: 2, messageCount: 1 });

    await gateway.request(DeleteConversation, app, { conversationId: first, actor: null });
    for (const userId of [ann, bea]) {
      expect((await listOf(app, userId)).map(({ conversationId }) => conversationId)).to.deep.equal([second]);
    }
  });

  it("forget a user who was deleted, and tell the others that she has gone", async () => {
    const app = anAppId();
    const [first, second] = [await create(app), await create(app)];
    await say(app, first, "one");
    const id = randomUUID();
    await directory.emit(UserDeleted, app, { userId: bea, at: Date.now() }, { id });
    await directory.emit(UserDeleted, app, { userId: bea, at: Date.now() }, { id });
    await eventually(async () => (await listOf(app, bea)).length, 0);
    for (const conversationId of [first, second]) {
      await eventually(async () => {
        const { conversation } = await gateway.ask(GetConversation, app, { conversationId });
        return conversation?.participants;
      }, [ann]);
      const { standing } = await gateway.ask(GetUserConversation, app, { conversationId, userId: bea });
      expect(standing).to.equal("stranger");
    }
    expect(await listOf(app, ann)).to.have.lengthOf(2);
    await eventually(() => typesOf(first).includes(ParticipantsChanged.type), true);
  });

  it("wait while MongoDB is away, with no attempt counted, and answer 503 to questions", async () => {
    const app = anAppId();
    mongo.pause();
    const payload = creation();
    const creating = gateway.request(CreateConversation, app, payload, { timeoutMs: 60_000 });
    const { conversationId } = payload;
    const failure = await failureOf(gateway.ask(GetConversation, app, { conversationId }));
    expect(failure).to.have.property("code", "service_unavailable");
    mongo.resume();
    expect(await creating).to.have.property("outcome", "created");
    await eventually(async () => (await service.readiness.check()).ready, true);
  });

  it("wait while the directory is away, with no attempt counted, and come when it is back", async () => {
    const app = anAppId();
    await directory[Symbol.asyncDispose]();
    const creating = gateway.request(CreateConversation, app, creation(), { timeoutMs: 50_000 });
    // Its question was not answered in time, and the lane is paused.
    await eventually(async () => (await service.readiness.check()).ready, false, { deadlineMs: 20_000 });
    directory = await openDirectory(infra);
    expect(await creating).to.have.property("outcome", "created");
  });

  it("are all there after their service was stopped in the midst of creating and changing them", async () => {
    const app = anAppId();
    const payloads = Array.from({ length: 30 }, () => creation());
    const working = Promise.all(
      payloads.map(async (payload) => {
        await gateway.request(CreateConversation, app, payload, { timeoutMs: 50_000 });
        const changed = change(payload.conversationId, [setTopic("boats")]);
        return gateway.request(ChangeConversation, app, changed, { timeoutMs: 50_000 });
      }),
    );
    await eventually(() => heard.some(({ conversationId }) => conversationId === payloads[0]?.conversationId), true);
    await service[Symbol.asyncDispose]();
    service = await restart();
    const versions = (await working).map(({ version }) => version);
    expect(versions).to.deep.equal(payloads.map(() => 2));
    expect(await listOf(app, ann)).to.have.lengthOf(30);
  });
});
