import { once } from "node:events";
import type { IncomingMessage } from "node:http";
import { eventually, testLogger } from "@strata/testing";
import { expect } from "chai";
import { WebSocket } from "ws";
import { type CloseReason, Connection } from "./connection.ts";
import { createRegistry } from "./registry.ts";
import { openSocketServer, type SocketServer, type SocketServerOptions } from "./socket-server.ts";

const LIMITS = {
  maxSockets: 100,
  maxSocketsPerApp: 100,
  maxSocketsPerUser: 2,
  maxUpgradesUnderWay: 10,
  maxBufferedBytes: 100_000,
  maxPacketBytes: 1_000,
  drainMs: 0,
};

/** Some decades from now: longer than any timer. */
const SESSION_ENDS_AT = Date.now() + 1e12;

/** Nobody is at its other end. */
function aConnection(appId: string, userId: string): Connection {
  const socket = new WebSocket("ws://127.0.0.1:9");
  socket.on("error", () => {});
  socket.terminate();
  return new Connection({
    socket,
    session: { appId, userId, expiresAt: 0 },
    hash: "",
    version: "3.0",
    maxBufferedBytes: 0,
    onClosing: () => {},
    now: () => 0,
  });
}

const refused = async (port: number) => {
  const client = new WebSocket(`ws://127.0.0.1:${port}/ann`, "layer-3.0");
  client.on("error", () => {});
  const response = await new Promise<IncomingMessage | null>((resolve) => {
    client.on("unexpected-response", (_request, answer) => resolve(answer));
    client.on("open", () => resolve(null));
  });
  client.terminate();
  return response && [response.statusCode, response.headers];
};

describe("openSocketServer", () => {
  let server: SocketServer;
  let registry: ReturnType<typeof createRegistry>;
  let opened: Connection[];
  let gone: Connection[];
  let reasons: CloseReason[];
  let clients: WebSocket[];
  beforeEach(() => {
    [registry, opened, gone, reasons, clients] = [createRegistry(), [], [], [], []];
  });
  afterEach(async () => {
    for (const client of clients) client.terminate();
    await server.close();
  });

  const serve = async (
    limits: Partial<SocketServerOptions["limits"]> = {},
    {
      isHearing = () => true,
      clock = Date.now,
      host,
    }: Partial<Pick<SocketServerOptions, "isHearing" | "clock" | "host">> = {},
  ) => {
    server = await openSocketServer({
      port: 0,
      host,
      registry,
      limits: { ...LIMITS, ...limits },
      isHearing,
      clock,
      now: () => 0,
      // Whoever she says she is.
      admit: async ({ url }) => ({
        session: { appId: "app", userId: url?.slice(1) ?? "", expiresAt: SESSION_ENDS_AT },
        hash: "",
        version: "3.0",
        protocol: "layer-3.0",
      }),
      onOpen: (connection) => opened.push(connection),
      onClose: (connection) => gone.push(connection),
      onClosing: (reason) => reasons.push(reason),
      log: testLogger("socket-server"),
    });
  };
  async function connect(userId: string, options: { autoPong?: boolean } = {}) {
    const client = new WebSocket(`ws://127.0.0.1:${server.port}/${userId}`, "layer-3.0", options);
    clients.push(client);
    const texts: string[] = [];
    client.on("message", (data: Buffer) => texts.push(data.toString()));
    const closed = new Promise<number>((resolve) => {
      client.on("close", resolve);
    });
    await once(client, "open");
    const connection = await eventually(
      () => opened.find(({ session }) => session.userId === userId),
      (found) => found !== undefined,
    );
    if (!connection) throw new Error("unreachable: it was opened");
    return { client, texts, closed, connection };
  }

  it("drops a client that answers no ping, and keeps one that does", async () => {
    await serve({ pingMs: 40 });
    const [alive, dead] = [await connect("ann"), await connect("bob", { autoPong: false })];
    expect(await dead.closed).to.equal(1006);
    await eventually(() => gone, [dead.connection]);
    let pings = 0;
    alive.client.on("ping", () => (pings += 1));
    await eventually(() => pings > 3, true);
    expect(alive.connection.isOpen).to.equal(true);
    expect(registry.all()).to.deep.equal([alive.connection]);
  });

  it("closes one of whose message only a part comes, pings or not, and keeps those that finish theirs", async () => {
    await serve({ packetTimeoutMs: 1_000, maxPacketBytes: 200_000 });
    const [whole, part, more] = [await connect("ann"), await connect("bob"), await connect("cid")];
    part.client.send("x", { fin: false });
    // Behind a whole one, in the same breath.
    more.client.send("whole");
    more.client.send("x".repeat(5_000), { fin: false });
    const talking = setInterval(() => {
      for (const { client } of [part, more]) client.pong("pong");
      whole.client.send("x".repeat(100_000));
      for (let n = 0; n < 20; n += 1) whole.client.send("x", { fin: n === 19 });
    }, 10);
    expect([await part.closed, await more.closed]).to.deep.equal([1008, 1008]);
    clearInterval(talking);
    expect(reasons).to.deep.equal(["unfinished", "unfinished"]);
    expect(whole.connection.isOpen).to.equal(true);
  });

  it("keeps one whose session lasts longer than a timer may, and closes it when that is over", async () => {
    let [time, looks] = [SESSION_ENDS_AT - 2 ** 31, 0];
    await serve({ maxTimerMs: 5 }, { clock: () => ((looks += 1), time) });
    const { connection, closed } = await connect("ann");
    await eventually(() => looks > 10, true);
    expect(connection.isOpen).to.equal(true);
    time = SESSION_ENDS_AT;
    expect(await closed).to.equal(1008);
    expect(reasons).to.deep.equal(["expired"]);
  });

  it("numbers what it sends from 0 on, and sends nothing once it closes", async () => {
    await serve();
    const { texts, connection, closed } = await connect("ann");
    expect(connection.lastCounter).to.equal(-1);
    connection.send({ type: "change", body: { a: 'quote " and \u2028' } });
    connection.sendBody("signal", '{"b":1}');
    expect(connection.lastCounter).to.equal(1);
    await eventually(
      () => texts.map((text): unknown => JSON.parse(text)),
      [
        { type: "change", counter: 0, timestamp: "1970-01-01T00:00:00.000Z", body: { a: 'quote " and \u2028' } },
        { type: "signal", counter: 1, timestamp: "1970-01-01T00:00:00.000Z", body: { b: 1 } },
      ],
    );
    connection.close("behind");
    connection.close("expired");
    connection.send({ type: "change", body: {} });
    expect(connection.lastCounter).to.equal(1);
    expect(await closed).to.equal(1013);
    expect(reasons).to.deep.equal(["behind"]);
    expect(texts).to.have.lengthOf(2);
  });

  it("cuts off who does not read as soon as more waits than may, and sends no more than that", async () => {
    await serve();
    const { client, connection } = await connect("ann");
    client.pause();
    const body = JSON.stringify("x".repeat(10_000));
    await eventually(() => {
      for (let n = 0; n < 100 && connection.isOpen; n += 1) {
        connection.sendBody("change", body);
        expect(connection.bufferedBytes).to.be.below(LIMITS.maxBufferedBytes + 2 * body.length);
      }
      return reasons;
    }, ["slow"]);
    expect(connection.isOpen).to.equal(false);
    await eventually(() => gone, [connection]);
    expect(registry.size).to.equal(0);
  });

  it("closes the oldest of a user's that is open, one for each that is more than may be", async () => {
    await serve();
    for (const userId of ["ann", "ann", "ann", "ann", "bob"]) {
      const { client } = await connect(userId);
      client.pause();
    }
    await eventually(() => opened.length, 5);
    expect(opened.map(({ isOpen }) => isOpen)).to.deep.equal([false, false, true, true, true]);
    expect(reasons).to.deep.equal(["tooMany", "tooMany"]);
  });

  it("listens at the address that it is given, and at no other of this machine", async () => {
    await serve({}, { host: "127.0.0.1" });
    await connect("ann");
    const elsewhere = new WebSocket(`ws://127.0.0.2:${server.port}/bob`, "layer-3.0");
    clients.push(elsewhere);
    const [error]: unknown[] = await once(elsewhere, "error");
    expect(error).to.have.property("code", "ECONNREFUSED");
  });

  it("lets nobody in while this process hears nothing, or is going away", async () => {
    let isHearing = false;
    await serve({}, { isHearing: () => isHearing });
    const answer = await refused(server.port);
    expect(answer?.[0]).to.equal(503);
    expect(answer?.[1]).to.include({ "retry-after": "2" });
    isHearing = true;
    expect(await refused(server.port)).to.equal(null);
  });

  it("closes all over a while, for a reason that is told", async () => {
    await serve();
    const some = [await connect("ann"), await connect("bob"), await connect("cid")];
    await server.closeAll("behind", 50);
    expect(await Promise.all(some.map(({ closed }) => closed))).to.deep.equal([1013, 1013, 1013]);
    await eventually(() => registry.size, 0);
  });
});

describe("the registry of sockets", () => {
  it("knows whose they are, by app and user, until the last of hers is gone", () => {
    const registry = createRegistry();
    const [one, two, other, his] = [
      aConnection("a", "ann"),
      aConnection("a", "ann"),
      aConnection("b", "ann"),
      aConnection("a", "bob"),
    ];
    for (const connection of [one, two, other, his]) registry.add(connection);
    expect(registry.ofUser("a", "ann")).to.deep.equal([one, two]);
    expect(registry.present("a", ["ann", "eve", "bob"])).to.deep.equal(["ann", "bob"]);
    expect(registry.present("b", ["ann", "bob"])).to.deep.equal(["ann"]);
    expect(registry.present("a", [""])).to.deep.equal(["ann", "bob"]);
    expect(registry.present("c", [""])).to.deep.equal([]);
    expect(registry.size).to.equal(4);
    expect(["a", "b", "c"].map((app) => registry.sizeOf(app))).to.deep.equal([3, 1, 0]);
    registry.remove(one);
    registry.remove(one);
    expect(registry.present("a", ["ann"])).to.deep.equal(["ann"]);
    registry.remove(two);
    expect(registry.present("a", ["", "ann"])).to.deep.equal(["bob"]);
    expect(registry.all()).to.deep.equal([other, his]);
    expect(registry.size).to.equal(2);
    expect(["a", "b"].map((app) => registry.sizeOf(app))).to.deep.equal([1, 1]);
  });
});
