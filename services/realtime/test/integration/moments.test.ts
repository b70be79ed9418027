import { FindOnlineUsers, ParticipantsChanged, TypingStarted } from "@strata/contracts";
import { anAppId, eventually, type Infra, openInfra, type TcpProxy, tcpProxy } from "@strata/testing";
import { expect } from "chai";
import { Redis } from "ioredis";
import { aWorld, openConversation, openDirectory, openPeer, type Peer, startRealtime, type World } from "../peers.ts";
import { openSocket, type TestSocket } from "../socket-client.ts";
import { messageTo } from "../telling.ts";

const set = (value: string) => [{ operation: "set", property: "status", value }];
const idOf = (userId: string) => `layer:///identities/${userId}`;

/** Typing and presence: of the moment, and kept by nobody. */
const signals = (socket: TestSocket) =>
  socket.packets.flatMap(({ type, body }) => (type === "signal" ? [JSON.stringify(body)] : []));

const presences = (socket: TestSocket) =>
  socket.packets.flatMap(({ type, body }) => {
    const text = JSON.stringify(body);
    const [, userId, status] = /identities\/(\w+)".*"presence.status","value":"(\w+)"/.exec(text) ?? [];
    return type === "change" && userId ? [`${userId} ${status}`] : [];
  });

async function synced(socket: TestSocket, data: unknown): Promise<Record<string, string>> {
  const { data: answered, success } = await socket.request("Presence.sync", data);
  expect(success).to.equal(true);
  const found = JSON.stringify(answered).matchAll(/identities\/(\w+)","url":"[^"]*"},"data":\[{[^}]*"value":"(\w+)"/g);
  return Object.fromEntries([...found].map(([, userId, status]) => [userId, status]));
}

const actions = (socket: TestSocket) => signals(socket).map((body) => /"action":"(\w+)"/.exec(body)?.[1]);

describe("what is of the moment", () => {
  let infra: Infra;
  let world: World;
  let app: string;
  let proxy: TcpProxy;
  let redis: Redis;
  let service: Awaited<ReturnType<typeof startRealtime>>;
  const peers: Peer[] = [];
  let [teller, asker]: (Peer | null)[] = [null, null];
  before(async () => {
    infra = await openInfra("realtime-moments");
    world = aWorld();
    proxy = await tcpProxy(infra.redisUrl);
    redis = new Redis(infra.redisUrl);
    peers.push(await openDirectory(infra, world), await openConversation(infra, world));
    service = await startRealtime(infra, { REDIS_URL: proxy.url });
    peers.push((teller = await openPeer(infra, "conversation")), (asker = await openPeer(infra, "push-delivery")));
  });
  after(async () => {
    await service[Symbol.asyncDispose]();
    for (const peer of peers.toReversed()) await peer[Symbol.asyncDispose]();
    redis.disconnect();
    await proxy.close();
    await infra[Symbol.asyncDispose]();
  });
  beforeEach(() => {
    app = anAppId();
    world.follows.clear();
    world.blockers.clear();
  });
  const connect = (userId: string, port = service.port) => openSocket(port, world.signIn(app, userId));
  const online = async (...userIds: string[]) => (await asker?.ask(FindOnlineUsers, app, { userIds }))?.online;

  it("is typing, told to the others in the conversation, and ended with the socket that said so", async () => {
    const conversation = world.converse(app, ["ann", "bob", "cid"]);
    const [ann, anns, bob, cid] = [
      await connect("ann"),
      await connect("ann"),
      await connect("bob"),
      await connect("cid"),
    ];
    ann.types(conversation, "started");
    ann.types(conversation, "paused");
    await eventually(
      () => [bob, cid].map(actions),
      [
        ["started", "paused"],
        ["started", "paused"],
      ],
    );
    expect(signals(bob)[0]).to.contain(idOf("ann"));
    ann.socket.terminate();
    await eventually(() => actions(bob), ["started", "paused", "finished"]);
    expect(signals(anns)).to.deep.equal([]);
    const again = await connect("ann");
    again.types(conversation, "started");
    again.types(conversation, "finished");
    await eventually(() => actions(bob).length, 5);
    again.socket.close();
    await again.closed;
    cid.types(conversation, "started");
    // She had stopped herself, so that nothing more of hers comes before what is said next.
    await eventually(() => actions(bob).length, 6);
    expect(signals(bob).at(-1)).to.contain(idOf("cid"));
  });

  it("is no typing that a socket says again within a second: others hear what changes", async () => {
    const conversation = world.converse(app, ["ann", "bob"]);
    const [ann, bob] = [await connect("ann"), await connect("bob")];
    for (const action of ["started", "started", "started", "paused", "paused", "started"])
      ann.types(conversation, action);
    await ann.request("Counter.read");
    await eventually(() => actions(bob).length >= 3, true);
    await bob.request("Counter.read");
    expect(actions(bob)).to.deep.equal(["started", "paused", "started"]);
  });

  it("is no typing of strangers, of who has left, or into another app's conversation; nor does who left hear it", async () => {
    const conversation = world.converse(app, ["ann", "bob", "cid"]);
    const elsewhere = world.converse(anAppId(), ["ann", "bob"]);
    const [ann, bob, cid, eve] = [
      await connect("ann"),
      await connect("bob"),
      await connect("cid"),
      await connect("eve"),
    ];
    ann.types(conversation);
    await eventually(() => [bob, cid].map((socket) => actions(socket).length), [1, 1]);
    world.leave(app, conversation, "cid");
    await teller?.emit(ParticipantsChanged, app, {
      conversationId: conversation,
      added: [],
      removed: ["cid"],
      participants: ["ann", "bob"],
      at: 1,
    });
    await eventually(() => cid.changes(), ["update Conversation"]);
    eve.types(conversation);
    eve.types(elsewhere);
    cid.types(conversation);
    ann.types(elsewhere);
    ann.types(conversation, "paused");
    await eventually(() => actions(bob), ["started", "paused"]);
    for (const socket of [eve, cid]) await socket.request("Counter.read");
    bob.types(conversation);
    await eventually(() => actions(ann), ["started"]);
    expect(actions(bob)).to.deep.equal(["started", "paused"]);
    expect(actions(cid)).to.deep.equal(["started"]);
    // Nor is anything of it told when they go.
    for (const socket of [eve, cid]) socket.socket.close();
    bob.types(conversation, "finished");
    await eventually(() => actions(ann), ["started", "finished"]);
    expect(actions(bob)).to.deep.equal(["started", "paused"]);
  });

  it("is ended with her socket in the first 20 conversations in which she types, and left alone in the others", async () => {
    const rooms = Array.from({ length: 25 }, () => world.converse(app, ["ann", "bob", "cid"]));
    const [ann, bob, cid] = [await connect("ann"), await connect("bob"), await connect("cid")];
    const ended = () =>
      signals(bob)
        .filter((body) => body.includes('"finished"'))
        .map((body) => rooms.findIndex((room) => body.includes(room)));
    for (const room of rooms) ann.types(room);
    await eventually(() => actions(bob).length, 25);
    ann.socket.terminate();
    await eventually(() => ended().length >= 20, true);
    cid.types(rooms[0] ?? "");
    await eventually(() => signals(bob).at(-1)?.includes(idOf("cid")), true);
    expect(ended()).to.deep.equal(rooms.slice(0, 20).map((_, index) => index));
    // One that she ends herself makes room for another.
    const again = await connect("ann");
    for (const room of rooms.slice(0, 20)) again.types(room);
    again.types(rooms[0] ?? "", "finished");
    again.types(rooms[20] ?? "");
    await eventually(() => actions(bob).length, 25 + 20 + 1 + 22);
    again.socket.terminate();
    await eventually(() => ended().length, 20 + 1 + 20);
    expect(ended().at(-1)).to.equal(20);
  });

  it("is no typing of one whom she blocks, from the moment on when she does: on a socket, or of a message on its way", async () => {
    const conversation = world.converse(app, ["ann", "bob", "cid"]);
    const [ann, bob, cid] = [await connect("ann"), await connect("bob"), await connect("cid")];
    ann.types(conversation, "started");
    await eventually(() => [bob, cid].map(actions), [["started"], ["started"]]);
    world.blockers.set("ann", ["cid"]);
    ann.types(conversation, "paused");
    await eventually(() => actions(bob), ["started", "paused"]);
    const onItsWay = { conversationId: conversation, sender: { userId: "ann" }, at: Date.now(), forMs: 60_000 };
    await teller?.emit(TypingStarted, app, onItsWay);
    await eventually(() => actions(bob), ["started", "paused", "started"]);
    ann.socket.terminate();
    await eventually(() => actions(bob), ["started", "paused", "started", "finished"]);
    bob.types(conversation, "paused");
    await eventually(() => actions(cid), ["started", "paused"]);
  });

  it("is the typing of a message on its way, until it is there", async () => {
    const conversation = world.converse(app, ["ann", "bob"]);
    const [ann, bob] = [await connect("ann"), await connect("bob")];
    const typing = (forMs: number, at = Date.now()) => ({
      conversationId: conversation,
      sender: { userId: "bob" },
      forMs,
      at,
    });
    await teller?.emit(TypingStarted, app, typing(1_000, Date.now() - 2_000));
    await teller?.emit(TypingStarted, app, typing(300));
    await eventually(() => actions(ann), ["started", "finished"]);
    await teller?.emit(TypingStarted, app, { ...typing(60_000), sender: { name: "Shop" } });
    await eventually(() => actions(bob), ["started"]);
    expect(signals(bob)[0]).to.contain("Shop");
  });

  it("is presence, of those whom she follows and who asked to be told, and of nobody else", async () => {
    world.follows.set("bob", ["ann"]).set("cid", ["ann"]);
    const [ann, bob, cid, eve] = [
      await connect("ann"),
      await connect("bob"),
      await connect("cid"),
      await connect("eve"),
    ];
    for (const socket of [ann, bob, eve]) await socket.request("Presence.subscribe");
    await ann.request("Presence.update", set("auto"));
    await eventually(() => [ann, bob].map(presences), [["ann available"], ["ann available"]]);
    const ids = { ids: ["ann", "bob", "eve"].map(idOf) };
    expect(await synced(bob, ids)).to.deep.equal({ ann: "available", bob: "offline" });
    expect(await synced(eve, ids)).to.deep.equal({ eve: "offline" });
    expect(await synced(bob, {})).to.deep.equal({ ann: "available", bob: "offline" });
    expect(await synced(bob, { since: new Date(Date.now() + 1_000).toISOString() })).to.deep.equal({
      ann: "available",
    });
    expect(await synced(bob, { ids: [] })).to.deep.equal({});
    expect(await synced(bob, { ids: [7, null, "ann", "layer:///messages/x"] })).to.deep.equal({});
    for (const data of [{ ids: "ann" }, { ids: Array.from({ length: 1_001 }, () => idOf("ann")) }, { since: "soon" }]) {
      expect(await bob.request("Presence.sync", data)).to.include({ success: false });
    }
    await ann.request("Presence.update", set("away"));
    expect(await ann.request("Presence.update", set("gone"))).to.include({ success: false });
    ann.socket.close();
    await eventually(() => presences(bob), ["ann available", "ann away", "ann offline"]);
    expect([...presences(cid), ...presences(eve)]).to.deep.equal([]);
  });

  it("is hidden from others where she hides, and not from herself", async () => {
    world.follows.set("bob", ["ann"]);
    const [ann, bob] = [await connect("ann"), await connect("bob")];
    for (const socket of [ann, bob]) await socket.request("Presence.subscribe");
    // As the clients send it (client API 6.8).
    await ann.request("Presence.update", set("offline"));
    expect(await synced(bob, {})).to.deep.equal({ ann: "offline", bob: "offline" });
    expect(await synced(ann, {})).to.deep.equal({ ann: "invisible" });
    const before = (await bob.request("Presence.sync", { ids: [idOf("ann")] })).data;
    ann.socket.close();
    await ann.closed;
    const again = await connect("ann");
    await again.request("Presence.update", set("auto"));
    expect((await bob.request("Presence.sync", { ids: [idOf("ann")] })).data).to.deep.equal(before);
    await again.request("Presence.update", set("busy"));
    await eventually(() => presences(bob), ["ann busy"]);
    expect(presences(ann)).to.deep.equal(["ann invisible"]);
  });

  it("is no presence of who blocks her: offline and never seen, when she asks, and live", async () => {
    world.follows.set("bob", ["ann"]).set("cid", ["ann"]);
    const [ann, bob, cid] = [await connect("ann"), await connect("bob"), await connect("cid")];
    for (const socket of [bob, cid]) await socket.request("Presence.subscribe");
    await ann.request("Presence.update", set("available"));
    await eventually(() => [bob, cid].map(presences), [["ann available"], ["ann available"]]);
    world.blockers.set("cid", ["ann"]);
    await ann.request("Presence.update", set("away"));
    await eventually(() => presences(bob), ["ann available", "ann away"]);
    const ids = { ids: [idOf("ann")] };
    expect(await synced(bob, ids)).to.deep.equal({ ann: "away" });
    for (const data of [ids, {}]) expect((await synced(cid, data))["ann"]).to.equal("offline");
    const { data } = await cid.request("Presence.sync", ids);
    expect(JSON.stringify(data)).to.include('"presence.last_seen_at","value":null');
    expect(presences(cid)).to.deep.equal(["ann available"]);
    // She who blocks sees the other as before.
    world.follows.set("ann", ["cid"]);
    await cid.request("Presence.update", set("busy"));
    expect(await synced(ann, {})).to.deep.include({ cid: "busy" });
  });

  it("is lost while Redis is away, and nothing else is; and all of it is back with Redis", async () => {
    world.follows.set("bob", ["ann"]);
    const conversation = world.converse(app, ["ann", "bob"]);
    const [ann, bob] = [await connect("ann"), await connect("bob")];
    await bob.request("Presence.subscribe");
    await ann.request("Presence.update", set("busy"));
    await eventually(() => presences(bob), ["ann busy"]);
    world.participants.set(`${app}/${conversation}`, ["ann", "bob", "cid"]);
    proxy.pause();
    await eventually(() => synced(bob, {}), { ann: "offline", bob: "offline" });
    expect(await online("ann", "bob")).to.deep.equal([]);
    const cid = await connect("cid");
    const from = new Date().toISOString();
    const id = await messageTo(teller ?? closedPeer(), app, conversation, ["ann", "bob", "cid"]);
    for (const socket of [ann, bob, cid]) {
      await eventually(() => socket.packets.some(({ body }) => JSON.stringify(body).includes(id)), true);
    }
    ann.types(conversation);
    expect(await ann.request("Presence.update", set("away"))).to.include({ success: true });
    expect(await ann.request("Event.replay", { from_timestamp: from })).to.include({ success: true });
    expect(signals(bob)).to.deep.equal([]);
    proxy.resume();
    await eventually(
      async () => {
        ann.types(conversation);
        return actions(bob).length > 0;
      },
      true,
      { deadlineMs: 15_000, everyMs: 200 },
    );
    await ann.request("Presence.update", set("away"));
    expect(await synced(bob, {})).to.deep.equal({ ann: "away", bob: "offline" });
  }).timeout(60_000);

  it("does not need what Redis held: a replay is whole, and a signal that is none ends nobody", async () => {
    const conversation = world.converse(app, ["ann", "bob"]);
    const from = new Date().toISOString();
    const ann = await connect("ann");
    const id = await messageTo(teller ?? closedPeer(), app, conversation, ["ann"]);
    const has = (socket: TestSocket) => socket.packets.some(({ body }) => JSON.stringify(body).includes(id));
    await eventually(() => has(ann), true);
    const keys = await redis.keys(`${infra.redisPrefix}*`);
    if (keys.length > 0) await redis.del(keys);
    const back = await connect("ann");
    expect(await back.request("Event.replay", { from_timestamp: from })).to.include({ success: true });
    expect(has(back)).to.equal(true);
    for (const text of ["{", "null", "7", '{"app":7}', JSON.stringify({ app, userIds: ["ann"], isPresence: false })]) {
      expect(await redis.publish(`${infra.redisPrefix}realtime:signals`, text)).to.be.at.least(1);
    }
    expect(await back.request("Counter.read")).to.include({ success: true });
    expect(signals(back)).to.deep.equal([]);
  });
});

const closedPeer = (): never => {
  throw new Error("unreachable: it is open");
};
