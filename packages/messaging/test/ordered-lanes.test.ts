import type { Dependency } from "@strata/runtime";
import { eventually, type Infra, openInfra, tcpProxy } from "@strata/testing";
import { expect } from "chai";
import { ack, type Consumer, consumer, type Delivery, on, onGroup } from "../src/index.ts";
import { type BrokerProbe, probeBroker } from "../src/testing.ts";
import { APP, Append, codesOf, gate, numbers, openTestBroker, Rename } from "./support.ts";

interface Applied {
  readonly by: string;
  readonly n: number;
}

/** Writes down who applied what, one turn of the loop after the other, as a store would. */
const appending = (by: string, applied: Applied[], extra: Partial<Consumer> = {}): Consumer =>
  consumer({
    queue: "conversation.appends",
    prefetch: 20,
    handlers: [
      onGroup(Append, async (deliveries) => {
        const outcomes = [];
        for (const { payload } of deliveries) {
          await eventually(() => true, true);
          applied.push({ by, n: payload.n });
          outcomes.push(ack);
        }
        return outcomes;
      }),
    ],
    ...extra,
  });

const firstTimes = (applied: readonly Applied[]): readonly number[] => [...new Set(applied.map(({ n }) => n))];

describe("ordered lanes", () => {
  let infra: Infra;
  let probe: BrokerProbe;
  before(async () => {
    infra = await openInfra("messaging-ordered");
    probe = await probeBroker(infra.amqpUrl);
  });
  after(async () => {
    await probe[Symbol.asyncDispose]();
    await infra[Symbol.asyncDispose]();
  });

  it("passes a key on in order when its writer is closed with deliveries in hand", async () => {
    const applied: Applied[] = [];
    await using client = await openTestBroker(infra.amqpUrl, "gateway", [Append]);
    await using leaving = await openTestBroker(infra.amqpUrl, "conversation", [Append]);
    const serving = await leaving.consume([appending("leaving", applied)]);
    await using staying = await openTestBroker(infra.amqpUrl, "conversation", [Append]);
    const standingBy = await staying.consume([appending("staying", applied)]);
    const sending = numbers(200).map((n) => client.send(Append, APP, { key: "k", n }));
    await eventually(() => applied.length >= 30, true, { everyMs: 1 });
    const [first] = applied;
    await (first?.by === "leaving" ? serving : standingBy).close();
    await Promise.all(sending);
    await eventually(() => new Set(applied.map(({ n }) => n)).size, 200);
    expect(firstTimes(applied)).to.deep.equal(numbers(200));
    expect(new Set(applied.map(({ by }) => by)).size).to.equal(2);
    // What the first had done is not done again by the other, who goes on where it ended.
    expect(applied.length).to.be.at.most(240);
    await Promise.all([serving.close(), standingBy.close()]);
  });

  it("lets no other replica write a key while the writer waits for its dependency with deliveries in hand", async () => {
    const applied: Applied[] = [];
    const away = { isAway: false };
    const store: Dependency = {
      name: "store",
      isDown: (error) => String(error).includes("store is away"),
      answers: async () => !away.isAway,
    };
    const handle = (by: string) => async (deliveries: readonly Delivery<{ n: number }>[]) => {
      if (by === "waiting" && away.isAway) throw new Error("store is away");
      for (const { payload } of deliveries) applied.push({ by, n: payload.n });
      return deliveries.map(() => ack);
    };
    const row = (by: string) =>
      consumer({
        queue: "conversation.appends",
        prefetch: 5,
        handlers: [onGroup(Append, handle(by))],
        dependencies: [store],
      });
    await using client = await openTestBroker(infra.amqpUrl, "gateway", [Append]);
    await using waiting = await openTestBroker(infra.amqpUrl, "conversation", [Append]);
    const serving = await waiting.consume([row("waiting")]);
    await client.send(Append, APP, { key: "k", n: 0 });
    await eventually(() => applied.length, 1);
    await using other = await openTestBroker(infra.amqpUrl, "conversation", [Append]);
    const standingBy = await other.consume([row("other")]);
    away.isAway = true;
    for (const n of numbers(30).slice(1)) await client.send(Append, APP, { key: "k", n });
    await eventually(async () => (await waiting.readiness.check()).ready, false);
    expect(applied.length).to.equal(1);
    away.isAway = false;
    await eventually(() => applied.map(({ n }) => n), numbers(30));
    await Promise.all([serving.close(), standingBy.close()]);
  });

  it("handles one delivery at a time where a lane takes one contract in groups and another one by one", async () => {
    const log: string[] = [];
    const release = gate();
    await using server = await openTestBroker(infra.amqpUrl, "conversation", [Append, Rename]);
    const serving = await server.consume([
      consumer({
        queue: "conversation.appends",
        prefetch: 20,
        handlers: [
          onGroup(Append, async (deliveries) => {
            await release.opened;
            return deliveries.map(() => ack);
          }),
          on(Rename, async ({ payload }) => {
            log.push(`begin ${payload.n}`);
            await eventually(() => true, true);
            log.push(`end ${payload.n}`);
            return ack;
          }),
        ],
      }),
    ]);
    await server.send(Append, APP, { key: "k", n: 0 });
    for (const n of [1, 2, 3]) await server.send(Rename, APP, { key: "k", n });
    release.open();
    await eventually(() => log.length, 6);
    expect(log).to.deep.equal([1, 2, 3].flatMap((n) => [`begin ${n}`, `end ${n}`]));
    await serving.close();
  });

  it("closes at once while a delivery waits to be retried in place", async () => {
    let tries = 0;
    await using server = await openTestBroker(infra.amqpUrl, "conversation", [Append], { ladderMs: [5_000] });
    const serving = await server.consume([
      consumer({
        queue: "conversation.appends",
        handlers: [
          on(Append, async () => {
            tries += 1;
            throw new Error("not yet");
          }),
        ],
      }),
    ]);
    await server.send(Append, APP, { key: "k", n: 1 });
    await eventually(() => tries, 1);
    const startedAt = performance.now();
    await serving.close();
    expect(performance.now() - startedAt).to.be.lessThan(1_000);
    await eventually(() => infra.management.depths().then(sumOfQueues), 1);
    await infra.management.deleteQueue("conversation.appends.0");
    await infra.management.deleteQueue("conversation.appends.1");
  });

  it("takes lost connections for nobody's death: order is kept however often the socket is cut", async () => {
    const applied: Applied[] = [];
    await using proxy = await tcpProxy(infra.amqpUrl);
    await using client = await openTestBroker(infra.amqpUrl, "gateway", [Append]);
    await using server = await openTestBroker(proxy.url, "conversation", [Append]);
    const serving = await server.consume([appending("server", applied)]);
    const sent = codesOf(numbers(300).map((n) => client.send(Append, APP, { key: "k", n })));
    for (const round of numbers(12)) {
      await eventually(() => applied.some(({ n }) => n >= round * 10), true, { everyMs: 1 });
      proxy.cut();
      await eventually(async () => (await server.readiness.check()).ready, true);
    }
    expect(new Set(await sent)).to.deep.equal(new Set(["done"]));
    await eventually(() => new Set(applied.map(({ n }) => n)).size, 300);
    expect(firstTimes(applied)).to.deep.equal(numbers(300));
    expect(await probe.depth("conversation.appends.dead-letter")).to.equal(0);
    await serving.close();
  });
});

const sumOfQueues = (depths: Readonly<Record<string, number>>): number =>
  (depths["conversation.appends.0"] ?? 0) + (depths["conversation.appends.1"] ?? 0);
