import {
  ChangeConversation,
  CreateConversation,
  GetConversation,
  GetMember,
  GovernConversation,
  type GovernanceAct,
  ListBans,
  ListMessages,
  ScheduleMessages,
  SendMessage,
} from "@strata/contracts";
import { type BrokerProbe, declareSubscriberQueues, probeBroker } from "@strata/messaging/testing";
import { type Mongo, openMongo, silentLogger } from "@strata/runtime";
import { anAppId, aUserId, eventually, type Infra, openInfra, userIds } from "@strata/testing";
import { expect } from "chai";
import { aCreation } from "../lifetimes.ts";
import { aDraft, aPart, refusalOf } from "../messages.ts";
import { limits, openDirectory, openPeer, type Peer, startConversation } from "../support.ts";

const QUEUES = ["conversation.conversations.0", "conversation.conversations.1"];
const DEAD_LETTERS = ["conversation.conversations.dead-letter"];
const [olga, mia] = [aUserId(1), aUserId(2)];
const MINUTE = 60_000;

const bans = (userId: string): GovernanceAct => ({ kind: "ban", userId, expiresAt: null, reason: null });

describe("who governs a conversation, over the broker", function overTheBroker() {
  this.timeout(60_000);
  const resources = new AsyncDisposableStack();
  let infra: Infra;
  let probe: BrokerProbe;
  let gateway: Peer;
  let mongo: Mongo;
  let passedMs = 0;
  const now = (): number => Date.now() + passedMs;
  const started = () => startConversation(infra, { DUE_POLL_INTERVAL_MS: "20" }, now);

  before(async () => {
    infra = resources.use(await openInfra("governance"));
    await declareSubscriberQueues(infra.amqpUrl, "conversation");
    resources.use(await openDirectory(infra));
    const opened = await openMongo(infra.mongoUrl("conversation"), silentLogger);
    resources.defer(() => opened.close());
    mongo = opened;
    probe = resources.use(await probeBroker(infra.amqpUrl));
    gateway = resources.use(await openPeer(infra, "gateway"));
  });
  after(() => resources.disposeAsync());
  afterEach("nothing waits and nothing is dead-lettered", async () => {
    const empty = Object.fromEntries([...QUEUES, ...DEAD_LETTERS].map((queue) => [queue, 0]));
    await eventually(() => probe.depths([...QUEUES, ...DEAD_LETTERS]), empty);
  });

  const create = async (app: string): Promise<string> => {
    const creation = aCreation({ participants: userIds(3), roles: [{ userId: olga, role: "owner" }] });
    await gateway.request(CreateConversation, app, creation);
    return creation.conversationId;
  };
  const act = (app: string, conversationId: string, one: GovernanceAct, actor: string | null = null) =>
    gateway.request(GovernConversation, app, { conversationId, actor, act: one });
  const add = (app: string, conversationId: string, userId: string) => {
    const changes = [{ kind: "add-participant" as const, userId }];
    return gateway.request(ChangeConversation, app, { conversationId, actor: null, changes, limits: limits() });
  };
  const send = (app: string, conversationId: string, userId: string, body = "hi") =>
    gateway.request(SendMessage, app, aDraft(conversationId, { sender: { userId }, parts: [aPart(body)] }));
  const saidIn = async (app: string, conversationId: string) => {
    const page = { conversationId, viewer: null, after: null, limit: 100 };
    const { messages } = await gateway.ask(ListMessages, app, page);
    return messages?.map(({ parts }) => parts[0]?.body).toReversed() ?? [];
  };
  const participantsOf = async (app: string, conversationId: string) =>
    (await gateway.ask(GetConversation, app, { conversationId })).conversation?.participants ?? [];

  it("is not beaten by a send: what was taken stands before the mute, and nothing behind it, whoever raced", async () => {
    await using _one = await started();
    await using _two = await started();
    const app = anAppId();
    const conversationId = await create(app);
    const sends = Array.from({ length: 20 }, (_, n) =>
      send(app, conversationId, mia, `before ${n}`).then(
        () => "sent",
        (error: unknown) => String(Object(error)["code"]),
      ),
    );
    const muting = act(app, conversationId, { kind: "mute", userId: mia, until: null, reason: null }, olga);
    await muting;
    // Behind the answer nothing is taken, whatever was still on its way.
    expect(await refusalOf(send(app, conversationId, mia, "behind"))).to.equal("access_denied");
    const outcomes = await Promise.all(sends);
    const said = await saidIn(app, conversationId);
    expect(said).not.to.include("behind");
    expect(said).to.have.lengthOf(outcomes.filter((outcome) => outcome === "sent").length);
    expect(outcomes.filter((outcome) => outcome !== "sent" && outcome !== "access_denied")).to.deep.equal([]);
  });

  it("keeps out who is banned, in the conversation and by name, while 20 bring her in and ban her", async () => {
    await using _one = await started();
    await using _two = await started();
    const app = anAppId();
    const conversationId = await create(app);
    const outcomes = await Promise.all(
      Array.from({ length: 20 }, (_, n) =>
        (n % 2 === 0 ? add(app, conversationId, mia) : act(app, conversationId, bans(mia), olga)).then(
          () => "done",
          (error: unknown) => String(Object(error)["code"]),
        ),
      ),
    );
    expect(outcomes.filter((_, n) => n % 2 === 1)).to.deep.equal(Array(10).fill("done"));
    expect(outcomes.filter((outcome) => outcome !== "done" && outcome !== "user_banned")).to.deep.equal([]);
    expect(await participantsOf(app, conversationId)).to.deep.equal([olga, aUserId(3)]);
    expect(await refusalOf(add(app, conversationId, mia))).to.equal("user_banned");
    const page = { conversationId, viewer: olga, after: null, limit: 10 };
    expect(await gateway.ask(ListBans, app, page)).to.have.nested.property("bans.length", 1);
    expect(await refusalOf(gateway.ask(ListBans, anAppId(), { ...page, viewer: null }))).to.equal("not_found");
  });

  it("is as it was after a restart, and a mute ends while nobody is there; what she scheduled is judged when it is due", async () => {
    const app = anAppId();
    const conversationId = await (async () => {
      await using _service = await started();
      const made = await create(app);
      // Placed before she was muted, and due while she is.
      const { conversationId: _, ...draft } = aDraft(made, { sender: { userId: mia }, parts: [aPart("too late")] });
      const messages = [{ ...draft, delayMs: 300, typingMs: 0 }];
      await gateway.request(ScheduleMessages, app, { conversationId: made, messages, at: Date.now() });
      await act(app, made, { kind: "mute", userId: mia, until: now() + MINUTE, reason: "spam" });
      await act(app, made, bans("cem"));
      return made;
    })();
    {
      await using _service = await started();
      const due = () => mongo.db.collection("scheduled_messages").countDocuments({ app, dueAt: { $gt: 0 } });
      await eventually(due, 0);
      expect(await refusalOf(send(app, conversationId, mia))).to.equal("access_denied");
      expect(await refusalOf(add(app, conversationId, "cem"))).to.equal("user_banned");
    }
    passedMs += MINUTE;
    await using _service = await started();
    const { member } = await gateway.ask(GetMember, app, { conversationId, viewer: null, userId: mia });
    expect(member).to.deep.equal({ userId: mia, role: "member", mute: null });
    await send(app, conversationId, mia, "in time");
    expect(await saidIn(app, conversationId)).to.deep.equal(["in time"]);
    expect(await refusalOf(add(app, conversationId, "cem"))).to.equal("user_banned");
  });
});
