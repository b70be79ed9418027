import { FollowingChanged, ParticipantsChanged } from "@strata/contracts";
import { openMongo } from "@strata/runtime";
import { anAppId, eventually, type Infra, openInfra, testLogger } from "@strata/testing";
import { expect } from "chai";
import { randomUUID } from "node:crypto";
import { mongoChangeStore } from "../../src/store/change-store.ts";
import { keptBy } from "../kept-by-client.ts";
import { aWorld, openConversation, openDirectory, openPeer, type Peer, startRealtime, type World } from "../peers.ts";
import { openSocket, type TestSocket } from "../socket-client.ts";
import { messageTo } from "../telling.ts";

describe("changes that are told in another order than that in which they happened", () => {
  let infra: Infra;
  let world: World;
  let app: string;
  let service: Awaited<ReturnType<typeof startRealtime>>;
  let [directory, conversations, telling, following]: (Peer | null)[] = [null, null, null, null];
  before(async () => {
    infra = await openInfra("realtime-order");
    world = aWorld();
    directory = await openDirectory(infra, world);
    conversations = await openConversation(infra, world);
    service = await startRealtime(infra);
    telling = await openPeer(infra, "conversation");
    following = await openPeer(infra, "directory");
  });
  after(async () => {
    await service[Symbol.asyncDispose]();
    for (const peer of [following, telling, conversations, directory]) await peer?.[Symbol.asyncDispose]();
    await infra[Symbol.asyncDispose]();
  });
  beforeEach(() => {
    app = anAppId();
  });
  const connect = (userId: string): Promise<TestSocket> => openSocket(service.port, world.signIn(app, userId));
  /** Who came and went, as the conversation service says it to those who were in it then. */
  const changed = async (
    conversationId: string,
    { added = [], removed = [], participants }: Partial<Record<"added" | "removed" | "participants", string[]>>,
  ) => {
    const named = { added, removed, participants: participants ?? [] };
    await telling?.emit(ParticipantsChanged, app, { conversationId, ...named, at: Date.now() });
  };
  const followed = async (userId: string, change: { followed?: string[]; unfollowed?: string[] }) => {
    await following?.emit(FollowingChanged, app, { userId, followed: [], unfollowed: [], ...change, at: Date.now() });
  };
  /** Waits until all is told that came before: it is told in the order in which it is logged. */
  const caughtUp = async (...sockets: readonly TestSocket[]) => {
    if (!telling) throw new Error("unreachable: it is open");
    const everyone = ["ann", "bob", "cid"];
    const id = await messageTo(telling, app, world.converse(app, everyone), everyone);
    const heard = (socket: TestSocket) => socket.packets.some(({ body }) => JSON.stringify(body).includes(id));
    await eventually(() => sockets.every(heard), true);
  };
  /** A socket that was told all of it later, in the order of the log. */
  const replayed = async (userId: string) => {
    const socket = await connect(userId);
    const since = { from_timestamp: new Date(Date.now() - 60_000).toISOString() };
    expect(await socket.request("Event.replay", since)).to.include({ success: true });
    return socket;
  };

  it("leaves each with those who are in a conversation now, live and replayed", async () => {
    const conversation = world.converse(app, ["ann", "bob", "cid"]);
    const had = { participants: new Map([[conversation, ["ann", "bob"]]]) };
    const ann = await connect("ann");
    // Cid came, went and came again, and Dan came and went: what was delayed is told behind what came after it.
    await changed(conversation, { added: ["cid"], participants: ["ann", "bob", "cid"] });
    await changed(conversation, { removed: ["dan"], participants: ["ann", "bob", "cid"] });
    await changed(conversation, { removed: ["cid"], participants: ["ann", "bob"] });
    await changed(conversation, { added: ["dan"], participants: ["ann", "bob", "cid", "dan"] });
    await caughtUp(ann);
    for (const socket of [ann, await replayed("ann")]) {
      expect(keptBy(socket, had).participantsOf(conversation)).to.deep.equal(["ann", "bob", "cid"]);
    }
  });

  it("leaves who was removed and added again with the conversation, and who was removed last without herself", async () => {
    const conversation = world.converse(app, ["ann", "bob", "cid"]);
    world.leave(app, conversation, "bob");
    const [ann, bob] = [await connect("ann"), await connect("bob")];
    await changed(conversation, { added: ["ann"], participants: ["ann", "bob", "cid"] });
    await changed(conversation, { removed: ["ann"], participants: ["bob", "cid"] });
    await changed(conversation, { removed: ["bob"], participants: ["ann", "cid"] });
    await changed(conversation, { added: ["bob"], participants: ["ann", "bob", "cid"] });
    await caughtUp(ann, bob);
    for (const socket of [ann, await replayed("ann")]) {
      expect(keptBy(socket).participantsOf(conversation)).to.deep.equal(["ann", "cid"]);
    }
    for (const socket of [bob, await replayed("bob")]) {
      expect(keptBy(socket).participantsOf(conversation)).not.to.include("bob");
    }
  });

  it("leaves with what is so now who is told of a change while she catches up", async () => {
    const conversation = world.converse(app, ["ann", "bob", "cid"]);
    const early = await connect("ann");
    await changed(conversation, { added: ["cid"], participants: ["ann", "bob", "cid"] });
    await caughtUp(early);
    const ann = await connect("ann");
    // Cid goes when it is known already what the replay is to say of it.
    world.whileViewing = async () => {
      world.whileViewing = async () => {};
      world.leave(app, conversation, "cid");
      await changed(conversation, { removed: ["cid"], participants: ["ann", "bob"] });
      await caughtUp(early, ann);
    };
    const since = { from_timestamp: new Date(Date.now() - 60_000).toISOString() };
    expect(await ann.request("Event.replay", since)).to.include({ success: true });
    const had = { participants: new Map([[conversation, ["ann", "bob"]]]) };
    expect(keptBy(ann, had).participantsOf(conversation)).to.deep.equal(["ann", "bob"]);
  });

  it("leaves a user with those whom she follows now, live and replayed", async () => {
    world.follows.set("ann", ["bob"]);
    const ann = await connect("ann");
    await followed("ann", { followed: ["bob"] });
    await followed("ann", { unfollowed: ["cid"] });
    await followed("ann", { unfollowed: ["bob"] });
    await followed("ann", { followed: ["cid"] });
    await caughtUp(ann);
    for (const socket of [ann, await replayed("ann")]) {
      expect(keptBy(socket, { following: ["cid"] }).following).to.deep.equal(["bob"]);
    }
  });

  it("answers a replay although changes never cease", async () => {
    const mongo = await openMongo(infra.mongoUrl("realtime"), testLogger("realtime"));
    const log = mongoChangeStore(mongo.db, { keptHours: 37 });
    const change = { kind: "metadata-changed", conversationId: world.converse(app, ["ann", "bob"]) } as const;
    const another = () => log.append([{ id: randomUUID(), app, receivers: ["ann"], change }], Date.now());
    await another();
    // Whenever it is found out what one comes to, another has happened.
    world.whileViewing = async () => void (await another());
    try {
      const ann = await connect("ann");
      const since = { from_timestamp: new Date(Date.now() - 60_000).toISOString() };
      expect(await ann.request("Event.replay", since)).to.include({ success: true });
    } finally {
      world.whileViewing = async () => {};
      await mongo.close();
    }
  });
});
