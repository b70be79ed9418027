import { setFlagsFromString } from "node:v8";
import { runInNewContext } from "node:vm";
import { silentLogger } from "@strata/runtime";
import { eventually, type Infra, openInfra, tcpProxy } from "@strata/testing";
import { expect } from "chai";
import { openConnection } from "../src/connection.ts";

const heapAfterCollection = (): number => {
  setFlagsFromString("--expose-gc");
  const collect: unknown = runInNewContext("gc");
  if (typeof collect === "function") collect();
  return process.memoryUsage().heapUsed;
};

describe("connection", () => {
  let infra: Infra;
  before(async () => {
    infra = await openInfra("messaging-connection");
  });
  after(() => infra[Symbol.asyncDispose]());

  it("throws a channel away that is reopened while it is still being set up", async () => {
    const connection = await openConnection(infra.amqpUrl, "test", silentLogger);
    let opened = 0;
    const channel = connection.openPlain("test", async (fresh) => {
      opened += 1;
      if (opened === 1) void channel.reopen();
      await fresh.prefetch(1).catch(() => undefined);
    });
    await eventually(() => opened, 2);
    await (await channel.ready(Date.now() + 2_000)).prefetch(2);
    await connection.close();
  });

  it("keeps nothing of those who waited for a connection in vain", async () => {
    await using proxy = await tcpProxy(infra.amqpUrl);
    const connection = await openConnection(proxy.url, "test", silentLogger);
    const channel = connection.openPlain("test", async () => undefined);
    await channel.ready(Date.now() + 2_000);
    proxy.pause();
    await eventually(() => channel.current, null);
    const waitInVain = (count: number) =>
      Promise.allSettled(Array.from({ length: count }, () => channel.ready(Date.now() + 5)));
    await waitInVain(1_000);
    const before = heapAfterCollection();
    for (let round = 0; round < 20; round += 1) await waitInVain(5_000);
    expect((heapAfterCollection() - before) / 1_000_000).to.be.lessThan(5);
    proxy.resume();
    await channel.ready(Date.now() + 10_000);
    await connection.close();
  });

  it("closes within seconds although the broker hangs", async () => {
    await using proxy = await tcpProxy(infra.amqpUrl);
    const connection = await openConnection(proxy.url, "test", silentLogger);
    const channel = connection.openPlain("test", async () => undefined);
    await channel.ready(Date.now() + 2_000);
    proxy.stall();
    let isClosed = false;
    void connection.close().then(() => (isClosed = true));
    await eventually(() => isClosed, true, { deadlineMs: 4_000 });
    proxy.pause();
  });
});
