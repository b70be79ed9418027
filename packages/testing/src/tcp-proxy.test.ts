import { connect, createServer } from "node:net";
import type { Server, Socket } from "node:net";
import { expect } from "chai";
import { eventually } from "./eventually.ts";
import { tcpProxy } from "./tcp-proxy.ts";

/** Sends back what it gets: enough of a server to see bytes pass, stop and break. */
const listenEcho = async (): Promise<{ readonly url: string; readonly server: Server }> => {
  const server = createServer((socket) => {
    socket.on("error", () => {});
    socket.pipe(socket);
  });
  await new Promise<void>((resolve) => {
    server.listen(0, "127.0.0.1", resolve);
  });
  const address = server.address();
  if (address === null || typeof address === "string") throw new Error("no address");
  return { url: `redis://user:pass@127.0.0.1:${address.port}/3`, server };
};

interface Client {
  readonly socket: Socket;
  received: string;
  isClosed: boolean;
}

const connectTo = (url: string): Client => {
  const socket = connect(Number(new URL(url).port), "127.0.0.1");
  const client: Client = { socket, received: "", isClosed: false };
  socket.on("data", (bytes: Buffer) => {
    client.received += bytes.toString();
  });
  socket.on("error", () => {});
  socket.on("close", () => {
    client.isClosed = true;
  });
  return client;
};

describe("tcpProxy", () => {
  let echo: Awaited<ReturnType<typeof listenEcho>>;
  before(async () => {
    echo = await listenEcho();
  });
  after(() => {
    echo.server.close();
  });

  it("passes bytes both ways under the target's scheme, credentials and path", async () => {
    await using proxy = await tcpProxy(echo.url);
    const url = new URL(proxy.url);
    expect([url.protocol, url.username, url.password, url.pathname]).to.deep.equal(["redis:", "user", "pass", "/3"]);
    const client = connectTo(proxy.url);
    client.socket.write("hello");
    await eventually(() => client.received, "hello");
    expect(proxy.connections()).to.equal(1);
  });

  it("cuts what is connected and lets new connections through", async () => {
    await using proxy = await tcpProxy(echo.url);
    const first = connectTo(proxy.url);
    first.socket.write("one");
    await eventually(() => first.received, "one");
    proxy.cut();
    await eventually(() => first.isClosed, true);
    const second = connectTo(proxy.url);
    second.socket.write("two");
    await eventually(() => second.received, "two");
  });

  it("refuses everything while paused, and nothing after resume", async () => {
    await using proxy = await tcpProxy(echo.url);
    proxy.pause();
    const refused = connectTo(proxy.url);
    await eventually(() => refused.isClosed, true);
    proxy.resume();
    const client = connectTo(proxy.url);
    client.socket.write("back");
    await eventually(() => client.received, "back");
  });

  it("holds bytes back while stalled and delivers them after resume", async () => {
    await using proxy = await tcpProxy(echo.url);
    const client = connectTo(proxy.url);
    client.socket.write("a");
    await eventually(() => client.received, "a");
    proxy.stall();
    client.socket.write("b");
    const other = connectTo(proxy.url);
    other.socket.write("c");
    await eventually(() => proxy.connections(), 2);
    expect([client.received, other.received, client.isClosed]).to.deep.equal(["a", "", false]);
    proxy.resume();
    await eventually(() => [client.received, other.received], ["ab", "c"]);
  });

  it("lets go of connections that had ended by themselves", async () => {
    const proxy = await tcpProxy(echo.url);
    const client = connectTo(proxy.url);
    client.socket.write("bye");
    await eventually(() => client.received, "bye");
    client.socket.end();
    await proxy.close();
    await eventually(() => process.getActiveResourcesInfo().includes("TCPSocketWrap"), false);
  });

  it("keeps a MongoDB client from finding its way past it", async () => {
    await using proxy = await tcpProxy("mongodb://127.0.0.1:27017/db?replicaSet=strata");
    expect(new URL(proxy.url).search).to.equal("?directConnection=true");
  });
});
