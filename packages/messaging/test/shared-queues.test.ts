import { openRedis, silentLogger } from "@strata/runtime";
import { eventually, type Infra, openInfra, tcpProxy } from "@strata/testing";
import { expect } from "chai";
import { ack, consumer, on, redisReplicas } from "../src/index.ts";
import { APP, Append, numbers, type OpenedBroker, openTestBroker } from "./support.ts";

const KEYS = ["a", "b", "c", "d", "e", "f", "g", "h"];
const QUEUES = 8;
/** Quick enough for a test: silent for half a second is gone, and a lost view holds no longer. */
const TIMES = { heartbeatMs: 50, deadAfterMs: 500, keepViewMs: 300 };

const both = ["one", "two"];

type Applied = Map<string, { readonly by: string; readonly n: number }[]>;

const orderOf = (applied: Applied): readonly (readonly number[])[] =>
  KEYS.map((key) => [...new Set((applied.get(key) ?? []).map(({ n }) => n))]);
const writersOf = (applied: Applied, from: number): readonly string[] =>
  [...new Set([...applied.values()].flat().flatMap(({ by, n }) => (n >= from ? [by] : [])))].toSorted();

describe("ordered lanes shared among replicas", () => {
  let infra: Infra;
  let client: OpenedBroker;
  before(async () => {
    infra = await openInfra("messaging-shared");
    client = await openTestBroker(infra.amqpUrl, "gateway", [Append]);
  });
  after(async () => {
    await client.close();
    await infra[Symbol.asyncDispose]();
  });

  /** One replica of the service with a heartbeat, which writes down what it applied. */
  async function replica(name: string, redis: { readonly url: string; readonly prefix: string }, applied: Applied) {
    const replicas = await redisReplicas({
      redisUrl: redis.url,
      keyPrefix: redis.prefix,
      brokerUrl: infra.amqpUrl,
      service: "conversation",
      self: name,
      log: silentLogger,
      ...TIMES,
    });
    const options = { replicas, orderedQueues: QUEUES };
    const broker = await openTestBroker(infra.amqpUrl, "conversation", [Append], options);
    const consuming = await broker.consume([
      consumer({
        queue: "conversation.appends",
        handlers: [
          on(Append, async ({ payload: { key, n } }) => {
            applied.set(key, [...(applied.get(key) ?? []), { by: name, n }]);
            return ack;
          }),
        ],
      }),
    ]);
    const leave = async (): Promise<void> => {
      await consuming.close();
      await replicas.close();
      await broker.close();
    };
    return { replicas, leave };
  }

  /** As when Redis is flushed. */
  async function forgetReplicas(prefix: string): Promise<void> {
    const connection = await openRedis(infra.redisUrl, silentLogger);
    const keys = await connection.redis.keys(`${prefix}*`);
    expect(keys).to.have.lengthOf(1);
    await connection.redis.del(keys);
    await connection.close();
  }

  const send = (from: number, count: number): Promise<unknown> =>
    Promise.all(
      KEYS.map(async (key) => {
        for (const n of numbers(count)) await client.send(Append, APP, { key, n: from + n });
      }),
    );
  it("go to the live ones, all to who stays when one leaves, and keep the order of each key meanwhile", async () => {
    const applied: Applied = new Map();
    await using proxy = await tcpProxy(infra.redisUrl);
    const redis = { url: proxy.url, prefix: `${infra.redisPrefix}share:` };
    const one = await replica("one", redis, applied);
    const two = await replica("two", redis, applied);
    await eventually(() => one.replicas.current(), both);

    await send(0, 10);
    await eventually(
      () => orderOf(applied),
      KEYS.map(() => numbers(10)),
    );
    expect(writersOf(applied, 0)).to.deep.equal(both);

    const sending = send(10, 40);
    await two.leave();
    await sending;
    await eventually(() => one.replicas.current(), ["one"]);
    await send(50, 10);
    await eventually(
      () => orderOf(applied),
      KEYS.map(() => numbers(60)),
    );
    expect(writersOf(applied, 50)).to.deep.equal(["one"]);
    await one.leave();
  });

  it("lose nothing when Redis forgets who lives, or is away for longer than its last view holds", async () => {
    const applied: Applied = new Map();
    await using proxy = await tcpProxy(infra.redisUrl);
    const redis = { url: proxy.url, prefix: `${infra.redisPrefix}loss:` };
    const one = await replica("one", redis, applied);
    const two = await replica("two", redis, applied);
    await eventually(() => one.replicas.current(), both);

    await forgetReplicas(redis.prefix);
    await send(0, 10);
    proxy.pause();
    await eventually(() => [one.replicas.current(), two.replicas.current()], [["one"], ["two"]]);
    await send(10, 10);
    await eventually(
      () => orderOf(applied),
      KEYS.map(() => numbers(20)),
    );
    proxy.resume();
    await eventually(() => [one.replicas.current(), two.replicas.current()], [both, both]);
    await send(20, 10);
    await eventually(
      () => orderOf(applied),
      KEYS.map(() => numbers(30)),
    );
    await one.leave();
    await two.leave();
  });

  it("are all consumed by a replica that starts while Redis is away, until it is there", async () => {
    const applied: Applied = new Map();
    await using proxy = await tcpProxy(infra.redisUrl);
    const redis = { url: proxy.url, prefix: `${infra.redisPrefix}late:` };
    proxy.pause();
    const one = await replica("one", redis, applied);
    const two = await replica("two", redis, applied);
    await send(0, 10);
    await eventually(
      () => orderOf(applied),
      KEYS.map(() => numbers(10)),
    );
    proxy.resume();
    await eventually(() => [one.replicas.current(), two.replicas.current()], [both, both]);
    await send(10, 10);
    await eventually(
      () => orderOf(applied),
      KEYS.map(() => numbers(20)),
    );
    await one.leave();
    await two.leave();
  });

  it("are never left to a process on another vhost that shares the same Redis", async () => {
    await using elsewhere = await openInfra("messaging-elsewhere");
    const seen = await Promise.all(
      [infra, elsewhere].map((place, n) =>
        redisReplicas({
          redisUrl: infra.redisUrl,
          keyPrefix: `${infra.redisPrefix}vhosts:`,
          brokerUrl: place.amqpUrl,
          service: "conversation",
          self: `replica ${n}`,
          log: silentLogger,
          ...TIMES,
        }),
      ),
    );
    expect(seen.map((replicas) => replicas.current())).to.deep.equal([["replica 0"], ["replica 1"]]);
    await Promise.all(seen.map((replicas) => replicas.close()));
  });

  it("are all ours without a Redis", async () => {
    const alone = await redisReplicas({
      redisUrl: undefined,
      keyPrefix: "",
      brokerUrl: infra.amqpUrl,
      service: "conversation",
      log: silentLogger,
    });
    expect(alone.current()).to.deep.equal([alone.self]);
    await alone.close();
  });
});
