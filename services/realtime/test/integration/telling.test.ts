import { MetadataChanged, ParticipantsChanged } from "@strata/contracts";
import { probeBroker } from "@strata/messaging/testing";
import { anAppId, eventually, type Infra, openInfra, tcpProxy } from "@strata/testing";
import { expect } from "chai";
import { aWorld, openConversation, openDirectory, openPeer, type Peer, startRealtime, type World } from "../peers.ts";
import { openSocket, type TestSocket } from "../socket-client.ts";
import { messageTo } from "../telling.ts";

const QUEUE = "realtime.changes";

const hears = (socket: TestSocket, id: string) => idsOf(socket).some((body) => body.includes(id));

describe("telling sockets what happened", () => {
  let infra: Infra;
  let world: World;
  let app: string;
  let service: Awaited<ReturnType<typeof startRealtime>>;
  let [directory, conversations, teller]: (Peer | null)[] = [null, null, null];
  before(async () => {
    infra = await openInfra("realtime-telling");
    world = aWorld();
    directory = await openDirectory(infra, world);
    conversations = await openConversation(infra, world);
    service = await startRealtime(infra);
    teller = await openPeer(infra, "conversation");
  });
  after(async () => {
    await service[Symbol.asyncDispose]();
    for (const peer of [teller, conversations, directory]) await peer?.[Symbol.asyncDispose]();
    await infra[Symbol.asyncDispose]();
  });
  beforeEach(() => {
    app = anAppId();
  });
  const connect = (userId: string, of = app): Promise<TestSocket> => openSocket(service.port, world.signIn(of, userId));
  const telling = (): Peer => {
    if (!teller) throw new Error("unreachable: it is open");
    return teller;
  };
  const say = (conversationId: string, recipients: readonly string[]) =>
    messageTo(telling(), app, conversationId, recipients);
  const queues = async () => {
    await using probe = await probeBroker(infra.amqpUrl);
    return await probe.depths([QUEUE, `${QUEUE}.dead-letter`]);
  };

  it("tells those whom a message is for, at all of their sockets, and nobody else", async () => {
    const conversation = world.converse(app, ["ann", "bob", "cid"]);
    const [one, two, blocking, stranger] = [
      await connect("ann"),
      await connect("ann"),
      await connect("cid"),
      await connect("ann", anAppId()),
    ];
    // Cid blocks Bob: the conversation service does not name him.
    const id = await say(conversation, ["ann"]);
    const last = await say(conversation, ["ann", "cid"]);
    await eventually(() => [one, two, blocking].every((socket) => hears(socket, last)), true);
    expect(hears(one, id) && hears(two, id)).to.equal(true);
    expect(hears(blocking, id)).to.equal(false);
    expect(stranger.packets).to.deep.equal([]);
    expect(await stranger.request("Event.replay", { from_timestamp: new Date().toISOString() })).to.include({
      success: true,
    });
    expect(stranger.changes()).to.deep.equal([]);
    expect(await queues()).to.deep.equal({ [QUEUE]: 0, [`${QUEUE}.dead-letter`]: 0 });
  });

  it("tells who has left that she has, and nothing of what comes then", async () => {
    const conversation = world.converse(app, ["ann", "bob"]);
    const [ann, bob] = [await connect("ann"), await connect("bob")];
    world.leave(app, conversation, "ann");
    await telling().emit(ParticipantsChanged, app, {
      conversationId: conversation,
      added: [],
      removed: ["ann"],
      participants: ["bob"],
      at: 1,
    });
    await telling().emit(MetadataChanged, app, { conversationId: conversation, at: 2 });
    const id = await say(conversation, ["bob"]);
    await eventually(() => hears(bob, id), true);
    expect(bob.changes().filter((what) => what === "update Conversation")).to.have.lengthOf(3);
    expect(ann.changes()).to.deep.equal(["update Conversation"]);
    const replayed = await ann.request("Event.replay", { from_timestamp: new Date(Date.now() - 1_000).toISOString() });
    expect(replayed).to.include({ success: true });
    expect(hears(ann, id)).to.equal(false);
    expect(idsOf(ann).some((body) => body.includes("metadata"))).to.equal(false);
  });

  it("does not fail of what nobody is there to hear of", async () => {
    await telling().emit(MetadataChanged, app, { conversationId: world.converse(anAppId(), ["ann"]), at: 1 });
    const conversation = world.converse(app, ["ann", "bob"]);
    const ann = await connect("ann");
    const id = await say(conversation, ["ann"]);
    await eventually(() => hears(ann, id), true);
    expect(await queues()).to.deep.equal({ [QUEUE]: 0, [`${QUEUE}.dead-letter`]: 0 });
  });

  it("has only those come back to whom something could not be told", async () => {
    const [well, unwell] = [world.converse(app, ["ann", "bob"]), world.converse(app, ["cid", "bob"])];
    const [ann, cid] = [await connect("ann"), await connect("cid")];
    world.unanswered.add(unwell);
    const ids = await Promise.all(
      Array.from({ length: 10 }, (_, n) => (n % 2 ? say(well, ["ann"]) : say(unwell, ["cid"]))),
    );
    expect(await cid.closed).to.deep.equal({ code: 1013, reason: "catch up" });
    await eventually(() => ids.filter((_, n) => n % 2).every((id) => hears(ann, id)), true);
    expect(await ann.request("Counter.read")).to.include({ success: true });
    const back = await connect("cid");
    const since = { from_timestamp: new Date(Date.now() - 5_000).toISOString() };
    expect(await back.request("Event.replay", since)).to.include({ success: false });
    world.unanswered.delete(unwell);
    expect(await back.request("Event.replay", since)).to.include({ success: true });
    expect(ids.filter((_, n) => n % 2 === 0).every((id) => hears(back, id))).to.equal(true);
  });

  it("waits while the conversation service is away, and loses nothing", async () => {
    const conversation = world.converse(app, ["ann", "bob"]);
    await conversations?.[Symbol.asyncDispose]();
    for (let n = 0; n < 20; n += 1) {
      await telling().emit(MetadataChanged, app, { conversationId: conversation, at: n });
    }
    await eventually(
      async () => (await service.metrics.metrics()).split("\n").some((line) => /paused.*conversation.* 1$/.test(line)),
      true,
      { deadlineMs: 30_000 },
    );
    conversations = await openConversation(infra, world);
    const ann = await connect("ann");
    const id = await say(conversation, ["ann"]);
    await eventually(() => hears(ann, id), true, { deadlineMs: 30_000 });
    const since = { from_timestamp: new Date(Date.now() - 60_000).toISOString() };
    await eventually(
      async () => {
        const back = await connect("ann");
        await back.request("Event.replay", since);
        const told = back.changes().filter((what) => what === "update Conversation").length;
        back.socket.close();
        return told;
      },
      21,
      { deadlineMs: 30_000 },
    );
    expect(await queues()).to.deep.equal({ [QUEUE]: 0, [`${QUEUE}.dead-letter`]: 0 });
  }).timeout(90_000);

  it("closes sockets to catch up where it was cut off from the broker, and they miss nothing", async () => {
    await using proxy = await tcpProxy(infra.amqpUrl);
    await using other = await startRealtime(infra, { AMQP_URL: proxy.url });
    const conversation = world.converse(app, ["ann", "bob"]);
    const token = world.signIn(app, "ann");
    const ann = await openSocket(other.port, token);
    const first = await say(conversation, ["ann"]);
    await eventually(() => hears(ann, first), true);
    proxy.pause();
    const ids = await Promise.all(Array.from({ length: 5 }, () => say(conversation, ["ann"])));
    // It keeps its sockets meanwhile, and takes no more.
    await eventually(
      () =>
        openSocket(other.port, token).then(
          ({ socket }) => (socket.close(), "it was let in"),
          (error: unknown) => String(error),
        ),
      "Error: 503 2",
    );
    const during = (await ann.request("Counter.read"), ann.packets.at(-1)?.timestamp ?? "");
    const heldAt = Date.parse(during);
    await eventually(() => Date.now() - heldAt > 2_500, true);
    await ann.request("Counter.read");
    // What she is sent does not say that it knows of now.
    expect(ann.packets.at(-1)?.timestamp).to.equal(during);
    proxy.resume();
    expect(await ann.closed).to.deep.equal({ code: 1013, reason: "catch up" });
    expect(ann.packets.at(-1)?.timestamp).to.equal(during);
    const back = await eventually(
      () => openSocket(other.port, token),
      () => true,
    );
    expect(await back.request("Event.replay", { from_timestamp: during })).to.include({ success: true });
    expect(ids.every((id) => hears(back, id))).to.equal(true);
    const again = await say(conversation, ["ann"]);
    await eventually(() => hears(back, again), true);
    // Time goes on once all of those are closed who had missed something.
    await eventually(async () => {
      await back.request("Counter.read");
      return Date.parse(back.packets.at(-1)?.timestamp ?? "") > heldAt;
    }, true);
  }).timeout(60_000);

  it("replays a long log in pages, each packet once, in order, while what is live goes on", async () => {
    const conversation = world.converse(app, ["ann", "bob"]);
    const from = new Date().toISOString();
    const ids = await Promise.all(Array.from({ length: 250 }, () => say(conversation, ["ann"])));
    const watching = await connect("ann");
    const last = await say(conversation, ["ann"]);
    await eventually(() => hears(watching, last), true, { deadlineMs: 30_000 });
    const back = await connect("ann");
    expect(await back.request("Event.replay", { from_timestamp: from })).to.include({ success: true });
    const created = back.packets.flatMap(({ body }) => {
      const text = JSON.stringify(body);
      return text.includes('"operation":"create"') ? [[...ids, last].find((id) => text.includes(id)) ?? text] : [];
    });
    expect(created)
      .to.have.members([...ids, last])
      .and.have.lengthOf(251);
    expect(back.packets.map(({ counter }) => counter)).to.deep.equal(back.packets.map((_, index) => index));
  }).timeout(60_000);

  it("refuses to send into conversations that are not hers, and answers each request", async () => {
    const ann = await connect("ann");
    const his = world.converse(app, ["bob"]);
    const elsewhere = world.converse(anAppId(), ["ann"]);
    const data = { parts: [{ mime_type: "text/plain", body: "hi" }] };
    const send = (id: string) => ann.request("Message.create", data, `layer:///conversations/${id}`);
    expect(await send(his)).to.have.nested.property("data.id", "access_denied");
    expect(await send(elsewhere)).to.have.nested.property("data.id", "not_found");
    for (const objectId of [undefined, "", "layer:///channels/x", `layer:///messages/${his}`]) {
      expect(await ann.request("Message.create", data, objectId)).to.have.nested.property("data.id", "not_found");
    }
    expect(await send(world.converse(app, ["ann"]))).to.include({ success: true });
    expect(await ann.request("Message.create")).to.include({ success: false });
  });
});

const idsOf = (socket: TestSocket): readonly string[] =>
  socket.packets.flatMap(({ type, body }) => (type === "change" ? [JSON.stringify(body)] : []));
