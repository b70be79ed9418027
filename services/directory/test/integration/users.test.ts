import { randomUUID } from "node:crypto";
import {
  ChangeBlocks,
  ChangeFollowing,
  ChangeIdentity,
  ConversationCreated,
  CreateIdentity,
  DeleteUser,
  FindBlockers,
  FindUnknownUsers,
  GetUser,
  IdentityUpdated,
  ListBlocks,
  ListFollowing,
  MakeUsersKnown,
  ParticipantsChanged,
  SuspendUser,
  UserDeleted,
} from "@strata/contracts";
import { ack, type Broker, consumer, on, openBroker } from "@strata/messaging";
import { type BrokerProbe, declareSubscriberQueues, probeBroker } from "@strata/messaging/testing";
import { createReadiness, silentLogger } from "@strata/runtime";
import { anAppId, aUserId, eventually, openInfra, startInProcess, userIds } from "@strata/testing";
import { expect } from "chai";
import { Registry } from "prom-client";
import { loadConfig } from "../../src/config.ts";
import { start } from "../../src/start.ts";
import { identityFields } from "../support.ts";

const failureOf = (request: Promise<unknown>): Promise<unknown> => request.catch((error: unknown) => error);
const [ann, bob, cid] = [aUserId(1), aUserId(2), aUserId(3)];

const rename = (displayName: string) => [
  { kind: "set-text" as const, field: "displayName" as const, value: displayName },
];
const aConversation = (participants: string[], createdAt = Date.now()) => ({
  conversationId: randomUUID(),
  createdAt,
  participants,
  distinct: false,
});

describe("what the directory does to users", () => {
  const resources = new AsyncDisposableStack();
  let probe: BrokerProbe;
  let gateway: Broker;
  const updated: { app: string; version: number }[] = [];
  const deleted: string[] = [];

  before(async () => {
    const infra = resources.use(await openInfra("directory-users"));
    await declareSubscriberQueues(infra.amqpUrl, "directory");
    const mongoUrl = infra.mongoUrl("directory");
    const config = loadConfig({ AMQP_URL: infra.amqpUrl, MONGO_URL: mongoUrl, ORDERED_QUEUES: "2" });
    resources.use(await startInProcess(start, { name: "directory", config }));
    probe = resources.use(await probeBroker(infra.amqpUrl));
    const broker = await openBroker({
      url: infra.amqpUrl,
      service: "gateway",
      log: silentLogger,
      metrics: new Registry(),
      readiness: createReadiness(),
    });
    resources.defer(() => broker.close());
    gateway = broker;
    const heard = await broker.consume([
      consumer({
        queue: "gateway.users",
        scope: "instance",
        handlers: [
          on(IdentityUpdated, async ({ app, payload }) => {
            updated.push({ app, version: payload.version });
            return ack;
          }),
          on(UserDeleted, async ({ app }) => {
            deleted.push(app);
            return ack;
          }),
        ],
      }),
    ]);
    resources.defer(() => heard.close());
  });
  after(() => resources.disposeAsync());

  const LANES = ["directory.identities", "directory.users", "directory.acquaintances"];
  const QUEUES = ["directory.identities.0", "directory.identities.1", "directory.users", "directory.acquaintances"];
  afterEach("nothing waits and nothing is dead-lettered", async () => {
    const queues = [...QUEUES, ...LANES.map((lane) => `${lane}.dead-letter`)];
    await eventually(() => probe.depths(queues), Object.fromEntries(queues.map((queue) => [queue, 0])));
  });

  const create = (app: string, userId: string) =>
    gateway.request(CreateIdentity, app, { userId, fields: identityFields() });
  const followedBy = async (app: string, userId: string) => {
    const question = { userId, after: null, limit: 500, withIdentities: false };
    const { following } = await gateway.ask(ListFollowing, app, question);
    return following.map((one) => one.userId);
  };

  it("changes an identity once, though its command is delivered three times", async () => {
    const app = anAppId();
    await create(app, ann);
    const command = { userId: ann, changes: rename("Eve") };
    const id = randomUUID();
    const first = await gateway.request(ChangeIdentity, app, command, { id });
    await gateway.send(ChangeIdentity, app, command, { id });
    expect(await gateway.request(ChangeIdentity, app, command, { id })).to.deep.equal(first);
    expect(first).to.deep.include({ displayName: "Eve", version: 2 });
    const heard = () => updated.filter((one) => one.app === app).map(({ version }) => version);
    await eventually(heard, [2, 2, 2]);
  });

  it("does what is sent about one user in the order sent", async () => {
    const app = anAppId();
    const creating = create(app, ann);
    const changes = Array.from({ length: 20 }, (_, n) =>
      gateway.request(ChangeIdentity, app, { userId: ann, changes: rename(`Ann ${n}`) }),
    );
    await creating;
    const versions = (await Promise.all(changes)).map(({ displayName, version }) => [displayName, version]);
    expect(versions).to.deep.equal(changes.map((_, n) => [`Ann ${n}`, n + 2]));
  });

  it("knows users who were only named, and creates their identities later", async () => {
    const app = anAppId();
    await gateway.request(MakeUsersKnown, app, { userIds: userIds(200), at: Date.now() });
    expect(await gateway.ask(FindUnknownUsers, app, { userIds: userIds(201) })).to.deep.equal({
      unknown: [aUserId(201)],
    });
    expect(await gateway.ask(GetUser, app, { userId: ann })).to.have.nested.property("user.identity", null);
    expect(await create(app, ann)).to.have.property("displayName", "Ann");
  });

  it("lets those who share a conversation follow each other, however often its events come", async () => {
    const app = anAppId();
    const conversation = aConversation([ann, bob]);
    const { conversationId } = conversation;
    const arrival = { conversationId, added: [cid], removed: [], participants: [ann, bob, cid], at: Date.now() };
    await gateway.emit(ConversationCreated, app, conversation);
    await gateway.emit(ConversationCreated, app, conversation);
    await eventually(() => followedBy(app, ann), [bob]);
    await gateway.emit(ParticipantsChanged, app, arrival);
    await gateway.emit(ParticipantsChanged, app, arrival);
    await eventually(() => followedBy(app, cid), [ann, bob]);
    expect(await followedBy(app, bob)).to.deep.equal([ann, cid]);
  });

  it("tells whoever writes messages who blocks their senders", async () => {
    const app = anAppId();
    const changes = [{ kind: "block" as const, userId: bob }];
    await gateway.request(ChangeBlocks, app, { userId: ann, changes, makeKnown: true, at: Date.now() });
    const checks = [
      { senderId: bob, userIds: [ann, cid] },
      { senderId: ann, userIds: [bob, cid] },
    ];
    expect(await gateway.ask(FindBlockers, app, { checks })).to.deep.equal({ blockers: [[ann], []] });
    expect(await gateway.ask(FindBlockers, anAppId(), { checks })).to.deep.equal({ blockers: [[], []] });
    expect(await gateway.ask(ListBlocks, app, { userId: ann })).to.deep.equal({ blocked: [bob] });
  });

  it("refuses what is said about a user who is not known, and tells the caller why", async () => {
    const app = anAppId();
    const suspending = gateway.request(SuspendUser, app, { userId: ann, isSuspended: true, at: Date.now() });
    expect(await failureOf(suspending)).to.have.property("code", "not_found");
    const following = { userId: ann, follow: [bob], unfollow: [], at: Date.now() };
    expect(await failureOf(gateway.request(ChangeFollowing, app, following))).to.have.property("code", "not_found");
  });

  it("forgets a user for good, though she is named again by events and commands from before", async () => {
    const app = anAppId();
    const before = Date.now();
    await Promise.all([create(app, ann), create(app, bob)]);
    const conversation = aConversation([ann, bob], before);
    await gateway.emit(ConversationCreated, app, conversation);
    await eventually(() => followedBy(app, bob), [ann]);

    await gateway.request(DeleteUser, app, { userId: ann, at: Date.now() });
    await eventually(() => deleted.includes(app), true);
    await gateway.emit(ConversationCreated, app, conversation);
    await gateway.request(MakeUsersKnown, app, { userIds: [ann], at: before });
    await gateway.emit(ConversationCreated, app, aConversation([bob, cid]));
    await eventually(() => followedBy(app, bob), [cid]);
    expect(await gateway.ask(GetUser, app, { userId: ann })).to.deep.equal({ user: null });
    expect(await gateway.ask(FindUnknownUsers, app, { userIds: [ann, bob] })).to.deep.equal({ unknown: [ann] });
  });
});
