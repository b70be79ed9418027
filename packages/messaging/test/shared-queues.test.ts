import { openRedis, type RedisConnection, silentLogger } from "@strata/runtime";
import { eventually, type Infra, openInfra, tcpProxy } from "@strata/testing";
import { expect } from "chai";
import { ack, consumer, on, redisReplicas } from "../src/index.ts";
import { APP, Append, numbers, type OpenedBroker, openTestBroker } from "./support.ts";

const KEYS = ["a", "b", "c", "d", "e", "f", "g", "h"];
const QUEUES = 8;
/** Quick enough for a test: silent for half a second is gone, and a lost view holds no longer. */
const TIMES = { heartbeatMs: 50, deadAfterMs: 500, keepViewMs: 300 };

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

  const connect = (url: string, prefix: string): Promise<RedisConnection> =>
    openRedis(url, silentLogger, { keyPrefix: `${infra.redisPrefix}${prefix}` });

  /** One replica of the service with a heartbeat, which writes down what it applied. */
  async function replica(name: string, connection: RedisConnection, applied: Applied) {
    const { redis } = connection;
    const replicas = await redisReplicas({ redis, service: "conversation", self: name, log: silentLogger, ...TIMES });
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

  const send = (from: number, count: number): Promise<unknown> =>
    Promise.all(
      KEYS.map(async (key) => {
        for (const n of numbers(count)) await client.send(Append, APP, { key, n: from + n });
      }),
    );
  it("go to the live ones, all to who stays when one leaves, and keep the order of each key meanwhile", async () => {
    const applied: Applied = new Map();
    await using proxy = await tcpProxy(infra.redisUrl);
    const connection = await connect(proxy.url, "share:");
    const one = await replica("one", connection, applied);
    const two = await replica("two", connection, applied);
    await eventually(() => one.replicas.current(), ["one", "two"]);

    await send(0, 10);
    await eventually(
      () => orderOf(applied),
      KEYS.map(() => numbers(10)),
    );
    expect(writersOf(applied, 0)).to.deep.equal(["one", "two"]);

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
    await connection.close();
  });

  it("lose nothing when Redis forgets who lives, or is away for longer than its last view holds", async () => {
    const applied: Applied = new Map();
    await using proxy = await tcpProxy(infra.redisUrl);
    const connection = await connect(proxy.url, "loss:");
    const one = await replica("one", connection, applied);
    const two = await replica("two", connection, applied);
    await eventually(() => one.replicas.current(), ["one", "two"]);

    await connection.redis.del("replicas:conversation");
    await send(0, 10);
    proxy.pause();
    await eventually(() => [one.replicas.current(), two.replicas.current()], [["one"], ["two"]]);
    await send(10, 10);
    await eventually(
      () => orderOf(applied),
      KEYS.map(() => numbers(20)),
    );
    proxy.resume();
    await eventually(
      () => [one.replicas.current(), two.replicas.current()],
      [
        ["one", "two"],
        ["one", "two"],
      ],
    );
    await send(20, 10);
    await eventually(
      () => orderOf(applied),
      KEYS.map(() => numbers(30)),
    );
    await one.leave();
    await two.leave();
    await connection.close();
  });
});
