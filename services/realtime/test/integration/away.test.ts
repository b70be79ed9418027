import { setImmediate as nextTurn } from "node:timers/promises";
import { ChangeLogged, IdentityUpdated } from "@strata/contracts";
import { probeBroker } from "@strata/messaging/testing";
import { anAppId, eventually, type Infra, openInfra, tcpProxy } from "@strata/testing";
import { expect } from "chai";
import { aWorld, openConversation, openDirectory, openPeer, type Peer, startRealtime, type World } from "../peers.ts";
import { openSocket, type TestSocket } from "../socket-client.ts";
import { messageTo } from "../telling.ts";

const QUEUE = "realtime.changes";
/** More than may wait for one process, with what it has taken already (10,000 and its prefetch of 500). */
const FLOOD = 11_500;

const hears = (socket: TestSocket, id: string): boolean =>
  socket.packets.some(({ type, body }) => type === "change" && JSON.stringify(body).includes(id));

const aMinuteAgo = () => ({ from_timestamp: new Date(Date.now() - 60_000).toISOString() });

async function isPaused(service: Awaited<ReturnType<typeof startRealtime>>, dependency: string): Promise<boolean> {
  const lines = (await service.metrics.getSingleMetricAsString("messaging_paused_info")).split("\n");
  return lines.some((line) => line.includes(`"${QUEUE}"`) && line.includes(`"${dependency}"`) && line.endsWith(" 1"));
}

describe("sockets while something else is away, or behind", () => {
  let infra: Infra;
  let world: World;
  let app: string;
  let [directory, conversations, telling]: (Peer | null)[] = [null, null, null];
  before(async () => {
    infra = await openInfra("realtime-away");
    world = aWorld();
    directory = await openDirectory(infra, world);
    conversations = await openConversation(infra, world);
    telling = await openPeer(infra, "conversation");
  });
  after(async () => {
    for (const peer of [telling, conversations, directory]) await peer?.[Symbol.asyncDispose]();
    await infra[Symbol.asyncDispose]();
  });
  beforeEach(() => {
    app = anAppId();
  });
  const say = (conversationId: string, recipients: readonly string[]): Promise<string> => {
    if (!telling) throw new Error("unreachable: it is open");
    return messageTo(telling, app, conversationId, recipients);
  };
  const sayOften = (conversationId: string, recipients: readonly string[]) =>
    Promise.all(Array.from({ length: 20 }, () => say(conversationId, recipients)));
  const queues = async () => {
    await using probe = await probeBroker(infra.amqpUrl);
    return await probe.depths([QUEUE, `${QUEUE}.dead-letter`]);
  };

  it("stay open while MongoDB is away, refuse to replay then, and hear all of it, each thing once, when it is back", async () => {
    await using proxy = await tcpProxy(infra.mongoUrl("realtime"));
    await using service = await startRealtime(infra, { MONGO_URL: proxy.url });
    const conversation = world.converse(app, ["ann", "bob"]);
    const ann = await openSocket(service.port, world.signIn(app, "ann"));
    proxy.pause();
    const ids = await sayOften(conversation, ["ann"]);
    await eventually(() => isPaused(service, "mongodb"), true, { deadlineMs: 30_000 });
    expect(await ann.request("Event.replay", aMinuteAgo())).to.include({ success: false });
    expect(ids.some((id) => hears(ann, id))).to.equal(false);
    proxy.resume();
    await eventually(() => ids.every((id) => hears(ann, id)), true, { deadlineMs: 30_000 });
    const after = await say(conversation, ["ann"]);
    await eventually(() => hears(ann, after), true);
    expect(ann.changes().filter((what) => what === "create Message")).to.have.lengthOf(21);
    const back = await openSocket(service.port, world.signIn(app, "ann"));
    expect(await back.request("Event.replay", aMinuteAgo())).to.include({ success: true });
    expect([...ids, after].every((id) => hears(back, id))).to.equal(true);
    expect(await queues()).to.deep.equal({ [QUEUE]: 0, [`${QUEUE}.dead-letter`]: 0 });
  }).timeout(90_000);

  it("are closed to catch up where more waited for their process than may, and miss nothing of what was dropped", async () => {
    // Nothing but what is dropped closes them: who waits for a view here waits for longer than this test lasts.
    await using service = await startRealtime(infra, { REQUEST_DEADLINE_MS: "600000" });
    const [flooded, other] = [world.converse(app, ["ann"]), world.converse(app, ["ann", "bob", "cid"])];
    const token = world.signIn(app, "ann");
    const [ann, cid] = [
      await openSocket(service.port, token),
      await openSocket(service.port, world.signIn(app, "cid")),
    ];
    await ann.request("Counter.read");
    const { promise: released, resolve: release } = Promise.withResolvers<void>();
    world.whileViewing = (conversationId) => (conversationId === flooded ? released : Promise.resolve());
    await using realtime = await openPeer(infra, "realtime");
    const flood = async (count: number) => {
      const change = { kind: "metadata-changed" as const, conversationId: flooded };
      const told: Promise<void>[] = [];
      for (let n = 0; n < count; n += 1) {
        told.push(realtime.emit(ChangeLogged, app, { at: Date.now(), receivers: ["ann"], change }));
        // In a turn of its own each is a message of its own, and messages are what is counted.
        await nextTurn();
      }
      await Promise.all(told);
    };
    // Behind what the process has taken already, so that it is the first to be dropped.
    await flood(1_000);
    const ids = await sayOften(other, ["ann", "cid"]);
    await eventually(async () => {
      expect(await cid.request("Event.replay", aMinuteAgo())).to.include({ success: true });
      return ids.every((id) => hears(cid, id));
    }, true);
    await flood(FLOOD);
    expect(await ann.closed).to.deep.equal({ code: 1013, reason: "catch up" });
    expect(ids.some((id) => hears(ann, id))).to.equal(false);
    release();
    const back = await openSocket(service.port, token);
    const since = { from_timestamp: ann.packets.at(-1)?.timestamp };
    expect(await back.request("Event.replay", since)).to.include({ success: true });
    expect(ids.every((id) => hears(back, id))).to.equal(true);
    const after = await say(other, ["ann"]);
    await eventually(() => hears(back, after), true, { deadlineMs: 30_000 });
  }).timeout(90_000);

  it("go on after the directory was away: who could not be told is closed and catches up, and nothing is lost", async () => {
    await using service = await startRealtime(infra, { REQUEST_DEADLINE_MS: "500" });
    world.follows.set("ann", ["bob"]);
    const conversation = world.converse(app, ["ann", "bob"]);
    const token = world.signIn(app, "ann");
    const [ann, cid] = [
      await openSocket(service.port, token),
      await openSocket(service.port, world.signIn(app, "cid")),
    ];
    await directory?.[Symbol.asyncDispose]();
    await using follower = await openPeer(infra, "directory");
    const first = await say(conversation, ["ann"]);
    expect(await ann.closed).to.deep.equal({ code: 1013, reason: "catch up" });
    await follower.emit(IdentityUpdated, app, { userId: "bob", version: 2 });
    const ids = await sayOften(conversation, ["ann"]);
    await eventually(() => isPaused(service, "directory"), true, { deadlineMs: 30_000 });
    expect(await cid.request("Counter.read")).to.include({ success: true });
    directory = await openDirectory(infra, world);
    const back = await openSocket(service.port, token);
    const last = await say(conversation, ["ann"]);
    await eventually(() => hears(back, last), true, { deadlineMs: 30_000 });
    expect(await back.request("Event.replay", aMinuteAgo())).to.include({ success: true });
    expect([first, ...ids].every((id) => hears(back, id))).to.equal(true);
    expect(back.changes()).to.include("update Identity");
    const hers = await say(world.converse(app, ["bob", "cid"]), ["cid"]);
    await eventually(() => hears(cid, hers), true);
    expect(await queues()).to.deep.equal({ [QUEUE]: 0, [`${QUEUE}.dead-letter`]: 0 });
  }).timeout(90_000);
});
