import { randomUUID } from "node:crypto";
import { SessionEnded, SessionsEnded } from "@strata/contracts";
import { anAppId, eventually, type Infra, openInfra, spawnService } from "@strata/testing";
import { expect } from "chai";
import { Redis } from "ioredis";
import {
  aWorld,
  environment,
  hashOf,
  openConversation,
  openDirectory,
  openPeer,
  type Peer,
  startRealtime,
  type World,
} from "../peers.ts";
import { openSocket, type TestSocket } from "../socket-client.ts";
import { messageTo } from "../telling.ts";

const MIB = 1024 * 1024;

const refusalOf = (opening: Promise<TestSocket>): Promise<string> =>
  opening.then(
    () => "it was let in",
    (error: unknown) => (error instanceof Error ? error.message : String(error)),
  );

describe("sockets of one process", () => {
  let infra: Infra;
  let world: World;
  let app: string;
  let teller: Peer;
  const opened: AsyncDisposable[] = [];
  before(async () => {
    infra = await openInfra("realtime-sockets");
    world = aWorld();
    opened.push(await openDirectory(infra, world), await openConversation(infra, world));
    teller = await openPeer(infra, "directory");
    opened.push(teller);
  });
  after(async () => {
    for (const one of opened.toReversed()) await one[Symbol.asyncDispose]();
    await infra[Symbol.asyncDispose]();
  });
  beforeEach(() => {
    app = anAppId();
    world.whileAuthenticating = async () => {};
    world.messageBytes = 2;
  });
  const signedIn = (port: number, userId = "ann") => openSocket(port, world.signIn(app, userId));

  it("are so many of one user: the oldest goes, also where they come all at once", async () => {
    await using service = await startRealtime(infra, { MAX_SOCKETS_PER_USER: "3" });
    const token = world.signIn(app, "ann");
    const first = await openSocket(service.port, token);
    const others = [await openSocket(service.port, token), await openSocket(service.port, token)];
    const bob = await signedIn(service.port, "bob");
    // None of them takes its close, as one that has gone away without a word.
    first.socket.pause();
    for (const other of others) other.socket.pause();
    const newer: TestSocket[] = [];
    for (let n = 0; n < 3; n += 1) newer.push(await openSocket(service.port, token));
    for (const old of [first, ...others]) old.socket.resume();
    for (const old of [first, ...others]) {
      expect(await old.closed).to.deep.equal({ code: 1008, reason: "too many sockets of this user" });
    }
    for (const socket of [...newer, bob]) expect(await socket.request("Counter.read")).to.include({ success: true });
  });

  it("are so many in all: more are told to come again, or to another", async () => {
    await using service = await startRealtime(infra, { MAX_SOCKETS: "2", MAX_SOCKETS_PER_APP: "2" });
    const ann = await signedIn(service.port, "ann");
    await signedIn(service.port, "bob");
    expect(await refusalOf(signedIn(service.port, "cid"))).to.equal("503 2");
    ann.socket.close();
    await ann.closed;
    await eventually(() => refusalOf(signedIn(service.port, "cid")), "it was let in");
  });

  it("are so many of one app, a quarter of all unless it is said, and other apps have the rest", async () => {
    for (const env of [{ MAX_SOCKETS: "8" }, { MAX_SOCKETS_PER_APP: "2" }]) {
      await using service = await startRealtime(infra, env);
      const ann = await signedIn(service.port, "ann");
      await signedIn(service.port, "bob");
      expect(await refusalOf(signedIn(service.port, "cid"))).to.equal("503 2");
      await openSocket(service.port, world.signIn(anAppId(), "ann"));
      ann.socket.close();
      await eventually(() => refusalOf(signedIn(service.port, "cid")), "it was let in");
    }
  });

  it("are refused while the directory cannot be asked, and let in when it can", async () => {
    await using service = await startRealtime(infra, { MAX_UPGRADES_UNDER_WAY: "1" });
    const { promise, resolve } = Promise.withResolvers<void>();
    const asked = new Promise<void>((isAsked) => {
      world.whileAuthenticating = () => {
        isAsked();
        return promise;
      };
    });
    const first = signedIn(service.port, "ann");
    await asked;
    expect(await refusalOf(signedIn(service.port, "bob"))).to.equal("503 2");
    resolve();
    expect(await (await first).request("Counter.read")).to.include({ success: true });
  });

  it("take text, of a bounded size, and requests one after the other, of which not too many wait", async () => {
    await using service = await startRealtime(infra, { MAX_PACKET_BYTES: "1000", MAX_WAITING_REQUESTS: "3" });
    const binary = await signedIn(service.port);
    binary.socket.send(Buffer.from("{}"), { binary: true });
    expect((await binary.closed).code).to.equal(1003);

    const large = await signedIn(service.port);
    large.socket.send("x".repeat(1_000));
    expect(await large.request("Counter.read")).to.include({ success: true });
    large.socket.send("x".repeat(1_001));
    expect((await large.closed).code).to.equal(1009);

    const many = await signedIn(service.port);
    for (let n = 0; n < 4; n += 1) many.send({ type: "request", body: { request_id: `${n}`, method: "Counter.read" } });
    expect(await many.closed).to.deep.equal({ code: 1008, reason: "too many requests are waiting" });
  });

  it("answer so many requests of one user, on all of hers together, and the rest with too many; hers alone", async () => {
    const env = { SOCKET_RATE_LIMIT_PER_SECOND: "0.001", SOCKET_RATE_LIMIT_BURST: "4" };
    await using service = await startRealtime(infra, env);
    const [ann, anns, bob] = [
      await signedIn(service.port, "ann"),
      await signedIn(service.port, "ann"),
      await signedIn(service.port, "bob"),
    ];
    const conversation = world.converse(app, ["ann", "bob"]);
    for (const socket of [ann, anns, ann]) expect(await socket.request("Counter.read")).to.include({ success: true });
    ann.types(conversation);
    await eventually(() => bob.packets.some(({ type }) => type === "signal"), true);
    for (const socket of [ann, anns]) {
      const { success, data } = await socket.request("Counter.read");
      expect(success).to.equal(false);
      expect(data).to.include({ id: "rate_limit_exceeded", code: 7 });
    }
    ann.types(conversation, "finished");
    await ann.request("Counter.read");
    expect(await bob.request("Counter.read")).to.include({ success: true });
    expect(bob.packets.filter(({ type }) => type === "signal")).to.have.lengthOf(1);
  });

  it("hold no more of what waits than two packets of the largest size, however few requests it is", async () => {
    await using service = await startRealtime(infra, { MAX_PACKET_BYTES: "1000" });
    const few = await signedIn(service.port);
    for (let n = 0; n < 3; n += 1) few.socket.send("x".repeat(900));
    expect((await few.closed).code).to.equal(1008);
    const slowly = await signedIn(service.port);
    for (let n = 0; n < 5; n += 1) {
      slowly.socket.send("x".repeat(900));
      expect(await slowly.request("Counter.read")).to.include({ success: true });
    }
  });

  it("end with their session: when it expires, when it is ended, and where that happens while they are opened", async () => {
    await using service = await startRealtime(infra);
    const expiring = await openSocket(service.port, world.signIn(app, "ann", Date.now() + 700));
    expect(await expiring.closed).to.deep.equal({ code: 1008, reason: "the session has expired" });

    const [token, kept] = [world.signIn(app, "ann"), world.signIn(app, "ann")];
    const [socket, other] = [await openSocket(service.port, token), await openSocket(service.port, kept)];
    const strangers = await openSocket(service.port, world.signIn(anAppId(), "ann"));
    world.sessions.delete(hashOf(token));
    await teller.emit(SessionEnded, app, { userId: "ann", hash: hashOf(token), at: Date.now() });
    expect(await socket.closed).to.deep.equal({ code: 1008, reason: "the session has ended" });
    await teller.emit(SessionsEnded, app, { userId: "ann", at: Date.now() });
    expect(await other.request("Counter.read")).to.include({ success: true });
    world.sessions.delete(hashOf(kept));
    await teller.emit(SessionsEnded, app, { userId: "ann", at: Date.now() });
    expect((await other.closed).code).to.equal(1008);
    expect(await strangers.request("Counter.read")).to.include({ success: true });
  });

  it("do not outlive a session that ends while its upgrade is under way", async () => {
    await using service = await startRealtime(infra);
    const bobs = world.signIn(app, "bob");
    const watching = await openSocket(service.port, bobs);
    const token = world.signIn(app, "ann");
    const { promise: answered, resolve: answer } = Promise.withResolvers<void>();
    const asked = new Promise<void>((isAsked) => {
      world.whileAuthenticating = (hash) => {
        // What the directory found before the end is on its way.
        isAsked();
        return hash === hashOf(token) ? answered : Promise.resolve();
      };
    });
    const opening = openSocket(service.port, token);
    await asked;
    world.sessions.delete(hashOf(token));
    await teller.emit(SessionEnded, app, { userId: "ann", hash: hashOf(token), at: Date.now() });
    // Behind the end of hers in the same queue: once this is heard, that was.
    world.sessions.delete(hashOf(bobs));
    await teller.emit(SessionsEnded, app, { userId: "bob", at: Date.now() });
    await watching.closed;
    answer();
    const socket = await opening;
    expect((await socket.closed).code).to.equal(1008);
  });

  it("are refused without a token, with another app's or a stale one, and without a version that we speak", async () => {
    await using service = await startRealtime(infra);
    expect(await refusalOf(openSocket(service.port, ""))).to.equal("401");
    expect(await refusalOf(openSocket(service.port, world.signIn(app, "ann", Date.now() - 1)))).to.equal("401");
    const token = world.signIn(app, "ann");
    const elsewhere = Buffer.from(token, "base64url");
    Buffer.from(randomUUID().replaceAll("-", ""), "hex").copy(elsewhere);
    expect(await refusalOf(openSocket(service.port, elsewhere.toString("base64url")))).to.equal("401");
    expect(await (await openSocket(service.port, token, { path: "/any/path" })).request("Counter.read")).to.include({
      success: true,
    });
    const plain = await fetch(`http://127.0.0.1:${service.port}/`);
    expect([plain.status, plain.headers.get("upgrade")]).to.deep.equal([426, "websocket"]);
  });

  it("go away with their process, over a while, each told so; and none of them is left as being there", async () => {
    await using service = await spawnService({ name: "realtime", env: { ...environment(infra), DRAIN_MS: "1500" } });
    const { port } = await service.logged("listening");
    const sockets = await Promise.all(
      Array.from({ length: 40 }, (_, n) => openSocket(Number(port), world.signIn(app, `user-${n}`))),
    );
    const stubborn = await signedIn(Number(port), "stubborn");
    await Promise.all(sockets.map((socket) => socket.request("Presence.update", [])));
    stubborn.socket.pause();
    const redis = new Redis(infra.redisUrl);
    try {
      const keys = () => redis.keys(`${infra.redisPrefix}presence:s[oh]*:${app}:*`);
      await eventually(async () => (await keys()).length, 81);
      const goneAt: number[] = [];
      for (const { socket } of sockets) socket.on("close", () => goneAt.push(performance.now()));
      const exit = service.kill("SIGTERM");
      for (const socket of sockets) expect(await socket.closed).to.include({ code: 1001 });
      // Were they closed together, all would come back in one moment.
      expect(new Set(goneAt.map((at) => Math.floor((at - (goneAt[0] ?? 0)) / 300))).size).to.be.greaterThan(2);
      expect(await exit).to.deep.equal({ code: 0, signal: null });
      expect(await keys()).to.deep.equal([]);
      expect(await refusalOf(signedIn(Number(port)))).to.contain("ECONNREFUSED");
    } finally {
      stubborn.socket.terminate();
      redis.disconnect();
    }
  });

  it("that do not take what is replayed to them keep nobody from catching up, and get all of it when they do", async () => {
    world.messageBytes = 60_000;
    await using service = await startRealtime(infra, { MAX_REPLAYS_UNDER_WAY: "1" });
    const conversation = world.converse(app, ["ann", "bob", "cid"]);
    const since = { from_timestamp: new Date().toISOString() };
    const cid = await signedIn(service.port, "cid");
    await using sender = await openPeer(infra, "conversation");
    const ids: string[] = [];
    // More than what is held for one client, and by the machine on its way to her.
    for (let n = 0; n < 300; n += 1) ids.push(await messageTo(sender, app, conversation, ["ann"]));
    await messageTo(sender, app, conversation, ["cid"]);
    await eventually(() => cid.changes().includes("create Message"), true);
    const slow = await signedIn(service.port, "ann");
    slow.socket.pause();
    const asked = world.viewsAsked;
    const answered = slow.request("Event.replay", since);
    await eventually(() => world.viewsAsked > asked, true);
    expect(await cid.request("Event.replay", since)).to.include({ success: true });
    expect(slow.packets).to.deep.equal([]);
    slow.socket.resume();
    expect(await answered).to.include({ success: true });
    const created = slow.packets
      .map(({ body }) => JSON.stringify(body).slice(0, 300))
      .filter((text) => text.includes('"create"'));
    expect(created.map((text) => ids.findIndex((id) => text.includes(id)))).to.deep.equal(ids.map((_, index) => index));
  }).timeout(90_000);

  it("that do not read are cut off once too much waits for them, and hold up nobody", async () => {
    world.messageBytes = 60_000;
    await using service = await startRealtime(infra, { MAX_BUFFERED_BYTES: String(MIB) });
    const conversation = world.converse(app, ["ann", "bob"]);
    const [slow, quick] = [await signedIn(service.port, "ann"), await signedIn(service.port, "bob")];
    slow.socket.pause();
    await using sender = await openPeer(infra, "conversation");
    let sent = 0;
    await eventually(
      async () => {
        for (let n = 0; n < 20; n += 1) await messageTo(sender, app, conversation, ["ann", "bob"]);
        sent += 20;
        return (await service.metrics.getSingleMetricAsString("realtime_sockets_closed_total")).includes('"slow"');
      },
      true,
      { deadlineMs: 60_000 },
    );
    await eventually(() => quick.changes().filter((what) => what === "create Message").length, sent);
    slow.socket.resume();
    const { code } = await slow.closed;
    expect(code).to.equal(1006);
    expect(slow.changes().length).to.be.lessThan(quick.changes().length);
  }).timeout(90_000);
});
