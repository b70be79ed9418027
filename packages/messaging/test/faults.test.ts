import { openMongo, silentLogger } from "@strata/runtime";
import { eventually, type Infra, openInfra, tcpProxy } from "@strata/testing";
import { expect } from "chai";
import { ack, consumer, deadLetter, on, onGroup, reply, retry } from "../src/index.ts";
import { type BrokerProbe, probeBroker } from "../src/testing.ts";
import { APP, Append, codesOf, gate, LADDER_MS, Note, Noted, numbers, openTestBroker, sorted } from "./support.ts";

describe("faults", () => {
  let infra: Infra;
  let probe: BrokerProbe;
  // A vhost for each: what a cut socket left on its way in one test must not come out in the next.
  beforeEach(async () => {
    infra = await openInfra("messaging-faults");
    probe = await probeBroker(infra.amqpUrl);
  });
  afterEach(async () => {
    await probe[Symbol.asyncDispose]();
    await infra[Symbol.asyncDispose]();
  });

  it("loses nothing when sockets are cut while messages are published and handled", async () => {
    await using proxy = await tcpProxy(infra.amqpUrl);
    await using server = await openTestBroker(proxy.url, "conversation", [Note]);
    const handled = new Set<number>();
    const serving = await server.consume([
      consumer({
        queue: "conversation.notes",
        prefetch: 20,
        handlers: [
          onGroup(Note, async (deliveries) => {
            for (const { payload } of deliveries) handled.add(payload.n);
            return deliveries.map(({ payload }) => reply({ doubled: payload.n * 2 }));
          }),
        ],
      }),
    ]);
    const sending = numbers(2_000).map((n) => server.send(Note, APP, { n }, { timeoutMs: 20_000 }));
    let cuts = 0;
    while (cuts < 5) {
      const before = handled.size;
      await eventually(() => handled.size > before || handled.size === 2_000, true);
      proxy.cut();
      cuts += 1;
    }
    await Promise.all(sending);
    await eventually(() => handled.size, 2_000);
    await eventually(() => probe.depths(["conversation.notes", "conversation.notes.alone"]), {
      "conversation.notes": 0,
      "conversation.notes.alone": 0,
    });
    expect(await probe.depth("conversation.notes.dead-letter")).to.equal(0);
    await eventually(async () => (await server.readiness.check()).ready, true);
    await serving.close();
  });

  it("declares and consumes again when its queue is deleted under it", async () => {
    await using server = await openTestBroker(infra.amqpUrl, "conversation", [Note]);
    const handled = new Set<number>();
    const serving = await server.consume([
      consumer({
        queue: "conversation.notes",
        handlers: [
          on(Note, async ({ payload }) => {
            handled.add(payload.n);
            return ack;
          }),
        ],
      }),
    ]);
    await probe.deleteQueue("conversation.notes");
    await eventually(
      () =>
        server.send(Note, APP, { n: 1 }).then(
          () => true,
          () => false,
        ),
      true,
    );
    await eventually(() => handled, new Set([1]));
    await serving.close();
  });

  it("pauses while MongoDB is away for longer than the ladder lasts, and spends no attempt", async () => {
    const mongoUrl = infra.mongoUrl("notes");
    await using proxy = await tcpProxy(mongoUrl);
    const direct = new URL(proxy.url);
    direct.searchParams.delete("replicaSet");
    direct.searchParams.set("directConnection", "true");
    const mongo = await openMongo(direct.href, silentLogger);
    const notes = mongo.db.collection<{ _id: number; attempt: number }>("notes");
    await using server = await openTestBroker(infra.amqpUrl, "conversation", [Note]);
    const serving = await server.consume([
      consumer({
        queue: "conversation.notes",
        prefetch: 10,
        dependencies: [mongo.dependency],
        handlers: [
          on(Note, async ({ payload, attempt }) => {
            await notes.updateOne({ _id: payload.n }, { $set: { attempt } }, { upsert: true });
            return ack;
          }),
        ],
      }),
    ]);
    await server.send(Note, APP, { n: 0 });
    await eventually(() => notes.countDocuments(), 1);
    proxy.pause();
    await Promise.all(numbers(50).map((n) => server.send(Note, APP, { n })));
    await eventually(async () => (await server.readiness.check()).checks["consumes conversation.notes"], false);
    const ladderMs = LADDER_MS.reduce((sum, ms) => sum + ms, 0);
    const pausedAt = Date.now();
    await eventually(() => Date.now() - pausedAt > ladderMs * 5, true);
    proxy.resume();
    await eventually(() => notes.countDocuments(), 50, { deadlineMs: 15_000 });
    expect(await notes.countDocuments({ attempt: { $gt: 0 } })).to.equal(0);
    await eventually(() => probe.depths(["conversation.notes", "conversation.notes.dead-letter"]), {
      "conversation.notes": 0,
      "conversation.notes.dead-letter": 0,
    });
    await serving.close();
    await mongo.close();
  });

  it("keeps the order of one key across cut sockets and failing handlers", async () => {
    await using proxy = await tcpProxy(infra.amqpUrl);
    await using server = await openTestBroker(proxy.url, "conversation", [Append]);
    const applied = new Map<string, number[]>();
    const failedOnce = new Set<string>();
    const serving = await server.consume([
      consumer({
        queue: "conversation.appends",
        prefetch: 20,
        handlers: [
          onGroup(Append, async (deliveries) => {
            const outcomes = [];
            for (const { payload } of deliveries) {
              const mark = `${payload.key}/${payload.n}`;
              if (payload.n % 10 === 3 && !failedOnce.has(mark)) {
                failedOnce.add(mark);
                throw new Error("once");
              }
              const values = applied.get(payload.key) ?? [];
              // Applied again in order after a redelivery: only what is new moves it on.
              if (payload.n > (values.at(-1) ?? -1)) values.push(payload.n);
              applied.set(payload.key, values);
              outcomes.push(ack);
            }
            return outcomes;
          }),
        ],
      }),
    ]);
    const keys = ["a", "b", "c", "d"];
    for (const n of numbers(40)) {
      await Promise.all(keys.map((key) => server.send(Append, APP, { key, n }, { timeoutMs: 20_000 })));
      if (n % 15 === 7) proxy.cut();
    }
    await eventually(
      () => keys.map((key) => applied.get(key)),
      keys.map(() => numbers(40)),
      { deadlineMs: 15_000 },
    );
    expect(await probe.depth("conversation.appends.dead-letter")).to.equal(0);
    await serving.close();
  });

  it("goes on publishing events when a third party's bounded queue is full", async () => {
    await using subscriber = await openTestBroker(infra.amqpUrl, "realtime", [Noted]);
    const heard = new Set<number>();
    const subscribed = await subscriber.consume([
      consumer({
        queue: "realtime.notes",
        handlers: [
          on(Noted, async ({ payload }) => {
            heard.add(payload.n);
            return ack;
          }),
        ],
      }),
    ]);
    await probe.declareForeignQueue("acme.notes", `${Noted.type}.*`, 10);
    await using producer = await openTestBroker(infra.amqpUrl, "conversation", [Noted]);
    // One behind the other: together they would be a few messages.
    for (const n of numbers(50)) await producer.emit(Noted, APP, { n });
    await eventually(() => sorted(heard), numbers(50));
    await eventually(() => probe.depth("acme.notes"), 10);
    await subscribed.close();
  });

  it("takes lost connections for nobody's death: what is in hand when sockets are cut is neither suspect nor poison", async () => {
    await using proxy = await tcpProxy(infra.amqpUrl);
    await using server = await openTestBroker(proxy.url, "conversation", [Note]);
    const release = gate();
    let starts = 0;
    const serving = await server.consume([
      consumer({
        queue: "conversation.notes",
        handlers: [
          on(Note, async () => {
            starts += 1;
            await release.opened;
            return ack;
          }),
        ],
      }),
    ]);
    await server.send(Note, APP, { n: 1 });
    for (const cut of numbers(7)) {
      await eventually(() => starts, cut + 1);
      proxy.cut();
    }
    await eventually(() => starts, 8);
    expect(await probe.depth("conversation.notes.dead-letter")).to.equal(0);
    release.open();
    await eventually(() => infra.management.depths(["conversation.notes", "conversation.notes.alone"]), {
      "conversation.notes": 0,
      "conversation.notes.alone": 0,
    });
    await serving.close();
  });

  it("makes the dead-letter queue and the ladder anew when they were deleted under it", async () => {
    await using server = await openTestBroker(infra.amqpUrl, "conversation", [Note]);
    let attempts = 0;
    const serving = await server.consume([
      consumer({
        queue: "conversation.notes",
        handlers: [
          on(Note, async ({ payload, attempt }) => {
            if (payload.n === 1) return deadLetter("poison");
            attempts = Math.max(attempts, attempt);
            return attempt === 0 ? retry(0, new Error("once more")) : ack;
          }),
        ],
      }),
    ]);
    await probe.deleteQueue("conversation.notes.dead-letter");
    await probe.deleteQueue("conversation.retry.50ms");
    await server.send(Note, APP, { n: 1 });
    await eventually(() => probe.depth("conversation.notes.dead-letter"), 1);
    await probe.drain("conversation.notes.dead-letter");
    await probe.deleteQueue("conversation.retry.50ms").catch(() => undefined);
    await server.send(Note, APP, { n: 2 });
    await eventually(() => attempts, 1);
    await serving.close();
  });

  it("ends a start that waits for another service's queues when it is closed", async () => {
    const waiting = await openTestBroker(infra.amqpUrl, "conversation", [Noted]);
    await probe.deleteQueue("realtime.notes");
    const starting = codesOf([waiting.consume([])]);
    await eventually(async () => (await waiting.readiness.check()).checks["event consumers exist"], false);
    await waiting.close();
    const [ended] = await starting;
    expect(ended).not.to.equal("done");
  });

  it("finishes what is in hand when it is closed, and leaves the rest in the queue untouched", async () => {
    const release = gate();
    const finished: number[] = [];
    const row = consumer({
      queue: "conversation.notes",
      prefetch: 5,
      handlers: [
        on(Note, async ({ payload }) => {
          await release.opened;
          finished.push(payload.n);
          return ack;
        }),
      ],
    });
    {
      await using leaving = await openTestBroker(infra.amqpUrl, "conversation", [Note]);
      const serving = await leaving.consume([row]);
      await Promise.all(numbers(20).map((n) => leaving.send(Note, APP, { n })));
      await eventually(() => probe.depth("conversation.notes"), 15);
      const closing = serving.close();
      await eventually(async () => (await leaving.readiness.check()).checks["consumes conversation.notes"], false);
      release.open();
      await closing;
    }
    expect(finished.length).to.equal(5);
    const rest = await probe.drain("conversation.notes");
    expect(rest.map(({ fields }) => fields.redelivered)).to.deep.equal(numbers(15).map(() => false));
    const left = rest.map(({ content }) => Number(/\d+/.exec(content.toString())));
    expect(sorted([...finished, ...left])).to.deep.equal(numbers(20));
  });
});
