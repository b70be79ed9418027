import { eventually, openInfra, tcpProxy } from "@strata/testing";
import type { Infra, TcpProxy } from "@strata/testing";
import { expect } from "chai";
import { DomainError } from "./errors.ts";
import { silentLogger } from "./logger.ts";
import { openRedis } from "./redis.ts";
import type { RedisConnection } from "./redis.ts";

const failureOf = async (work: Promise<unknown>): Promise<unknown> =>
  work.then(
    () => expect.fail("it did not fail"),
    (error: unknown) => error,
  );

describe("openRedis", () => {
  let infra: Infra;
  let proxy: TcpProxy;
  let connection: RedisConnection;
  before(async () => {
    infra = await openInfra("redis");
  });
  after(() => infra[Symbol.asyncDispose]());
  beforeEach(async () => {
    proxy = await tcpProxy(infra.redisUrl);
    connection = await openRedis(proxy.url, silentLogger, { keyPrefix: infra.redisPrefix });
  });
  afterEach(async () => {
    await connection.close();
    await proxy.close();
  });

  it("puts the prefix before every key, also those of a script", async () => {
    const { redis } = connection;
    await redis.eval("return redis.call('set', KEYS[1], ARGV[1])", 1, "k", "v");
    expect(await redis.get("k")).to.equal("v");
    await using closing = new AsyncDisposableStack();
    const bare = closing.adopt(await openRedis(infra.redisUrl, silentLogger), (opened) => opened.close());
    expect(await bare.redis.get(`${infra.redisPrefix}k`)).to.equal("v");
  });

  it("fails commands at once while Redis is away, knows it for down, and comes back by itself", async () => {
    const { redis, dependency } = connection;
    proxy.pause();
    await eventually(() => redis.status === "ready", false);
    const startedAt = performance.now();
    const error = await failureOf(redis.set("k", "v"));
    expect(performance.now() - startedAt).to.be.lessThan(1_500);
    expect(dependency.isDown(error)).to.equal(true);
    expect(dependency.isDown(new DomainError("service_unavailable", {}, { cause: error }))).to.equal(true);
    expect(await dependency.answers()).to.equal(false);

    proxy.resume();
    await eventually(() => dependency.answers(), true);
    expect(await redis.set("k", "v")).to.equal("OK");
  });

  it("knows a command that is cut off on its way for down", async () => {
    proxy.stall();
    const failure = failureOf(connection.redis.set("k", "v"));
    proxy.pause();
    expect(connection.dependency.isDown(await failure)).to.equal(true);
  });

  it("gives up on a command within seconds when Redis hangs, and takes that for down", async () => {
    proxy.stall();
    const error = await failureOf(connection.redis.set("k", "v"));
    expect(connection.dependency.isDown(error)).to.equal(true);
    expect(await connection.dependency.answers()).to.equal(false);
    proxy.pause();
  });

  it("does not take a refusal, or somebody else's failure, for down", async () => {
    const { redis, dependency } = connection;
    await redis.set("text", "x");
    const refusals = [
      await failureOf(redis.incr("text")),
      Object.assign(new Error("connect ECONNREFUSED"), { code: "ECONNREFUSED" }),
      undefined,
    ];
    expect(refusals.map((error) => dependency.isDown(error))).to.deep.equal([false, false, false]);
  });

  it("does not open when nobody is there", async () => {
    proxy.pause();
    await failureOf(openRedis(proxy.url, silentLogger));
  });

  for (const absence of ["pause", "stall"] as const) {
    it(`opens without Redis where it may be away, and comes to it by itself (${absence})`, async () => {
      proxy[absence]();
      await using closing = new AsyncDisposableStack();
      const options = { keyPrefix: infra.redisPrefix, mayBeAway: true };
      const opened = closing.adopt(await openRedis(proxy.url, silentLogger, options), (one) => one.close());
      await failureOf(opened.redis.set("k", "v"));
      proxy.cut();
      proxy.resume();
      await eventually(() => opened.dependency.answers(), true);
    });
  }
});
