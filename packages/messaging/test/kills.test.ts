import { spawn } from "node:child_process";
import { once } from "node:events";
import { createInterface } from "node:readline";
import { fileURLToPath } from "node:url";
import { eventually, type Infra, openInfra } from "@strata/testing";
import { expect } from "chai";
import { ack, consumer, on, onGroup } from "../src/index.ts";
import { type BrokerProbe, probeBroker } from "../src/testing.ts";
import { APP, Append, codesOf, Note, Noted, numbers, openTestBroker, sorted } from "./support.ts";

const FIXTURE = fileURLToPath(new URL("fixtures/deadly-consumer.ts", import.meta.url));

/** The fixture, started again whenever it dies, as a supervisor would. */
interface Supervised extends AsyncDisposable {
  readonly handled: readonly number[];
  readonly deaths: () => number;
  /** Kills it from outside, whatever it is at; its next life never ends with these numbers. */
  kill(endless: readonly number[]): void;
}

function supervise(...args: readonly string[]): Supervised {
  const handled: number[] = [];
  let deaths = 0;
  let isStopping = false;
  let endless: readonly number[] = [];
  let child = start();

  function start() {
    const started = spawn(process.execPath, [FIXTURE, ...args, ...endless.map((n) => `~${n}`)], {
      stdio: ["ignore", "pipe", "inherit"],
    });
    createInterface({ input: started.stdout }).on("line", (line) => handled.push(Number(line)));
    started.once("close", () => {
      if (isStopping) return;
      deaths += 1;
      child = start();
    });
    return started;
  }

  return {
    handled,
    deaths: () => deaths,
    kill(numbersOfNext) {
      endless = numbersOfNext;
      child.kill("SIGKILL");
    },
    async [Symbol.asyncDispose]() {
      isStopping = true;
      child.kill("SIGKILL");
      if (child.exitCode === null && child.signalCode === null) await once(child, "close");
    },
  };
}

const firstTimes = (handled: readonly number[]): readonly number[] => [...new Set(handled)];

describe("a handler that kills its process", function () {
  this.timeout(60_000);
  let infra: Infra;
  let probe: BrokerProbe;
  before(async () => {
    infra = await openInfra("messaging-kills");
    probe = await probeBroker(infra.amqpUrl);
    await using owner = await openTestBroker(infra.amqpUrl, "conversation", [Note, Append]);
    const rows = [
      consumer({ queue: "conversation.notes", handlers: [on(Note, async () => ack)] }),
      consumer({
        queue: "conversation.appends",
        prefetch: 20,
        handlers: [onGroup(Append, async (deliveries) => deliveries.map(() => ack))],
      }),
    ];
    await (await owner.consume(rows)).close();
  });
  after(async () => {
    await probe[Symbol.asyncDispose]();
    await infra[Symbol.asyncDispose]();
  });

  const deadOf = async (queue: string) => {
    const dead = await probe.drain(`${queue}.dead-letter`);
    return dead.map(({ content, properties }) => ({
      n: Number(JSON.parse(content.toString()).n),
      reason: String(properties.headers?.["strata-reason"]),
      from: String(properties.headers?.["strata-source-queue"]),
    }));
  };

  it("takes none of its neighbours along on a work queue, and ends in the dead-letter queue", async () => {
    await using client = await openTestBroker(infra.amqpUrl, "gateway", [Note]);
    await Promise.all(numbers(40).map((n) => client.send(Note, APP, { n })));
    await using supervised = supervise(infra.amqpUrl, "notes", "7");
    await eventually(() => probe.depth("conversation.notes.dead-letter"), 1, { deadlineMs: 40_000 });
    await eventually(
      () => sorted(new Set(supervised.handled)),
      numbers(40).filter((n) => n !== 7),
    );
    expect(await deadOf("conversation.notes")).to.deep.equal([
      { n: 7, reason: "killed_its_process", from: "conversation.notes.alone" },
    ]);
    expect(supervised.deaths()).to.be.at.most(6);
    await eventually(() => infra.management.depths(["conversation.notes", "conversation.notes.alone"]), {
      "conversation.notes": 0,
      "conversation.notes.alone": 0,
    });
  });

  it("takes along none of the events that came with it in one message", async () => {
    await using supervised = supervise(infra.amqpUrl, "events", "7");
    const queue = async () => (await infra.management.queues()).find(({ name }) => name === "realtime.notes");
    await eventually(async () => (await queue())?.consumers, 1, { deadlineMs: 40_000 });
    await using producer = await openTestBroker(infra.amqpUrl, "conversation", [Noted]);
    await Promise.all(numbers(40).map((n) => producer.emit(Noted, APP, { n })));
    await eventually(() => probe.depth("realtime.notes.dead-letter"), 1, { deadlineMs: 40_000 });
    await eventually(
      () => sorted(new Set(supervised.handled)),
      numbers(40).filter((n) => n !== 7),
    );
    expect(await deadOf("realtime.notes")).to.deep.equal([
      { n: 7, reason: "killed_its_process", from: "realtime.notes.alone" },
    ]);
  });

  it("is not dropped as expired once its requester has gone: half done is not undone", async () => {
    await using client = await openTestBroker(infra.amqpUrl, "gateway", [Note]);
    await using supervised = supervise(infra.amqpUrl, "notes", "7");
    // Begun before its requester gives up, however long a process takes to start here.
    const queue = async () => (await infra.management.queues()).find(({ name }) => name === "conversation.notes");
    await eventually(async () => (await queue())?.consumers, 1, { deadlineMs: 40_000 });
    expect(await codesOf([client.request(Note, APP, { n: 7 }, { timeoutMs: 1_000 })])).to.deep.equal([
      "service_unavailable",
    ]);
    await eventually(() => probe.depth("conversation.notes.dead-letter"), 1, { deadlineMs: 40_000 });
    expect((await deadOf("conversation.notes")).map(({ reason }) => reason)).to.deep.equal(["killed_its_process"]);
    expect(supervised.deaths()).to.be.at.least(5);
  });

  it("takes the blame only for what happens while it is tried, not while it waits for that", async () => {
    await using client = await openTestBroker(infra.amqpUrl, "gateway", [Note]);
    await using supervised = supervise(infra.amqpUrl, "notes");
    supervised.kill([101]);
    await client.send(Note, APP, { n: 101 });
    await eventually(() => supervised.handled, [101], { deadlineMs: 40_000 });
    for (let n = 102; n < 107; n += 1) {
      const before = supervised.handled.length;
      const deaths = supervised.deaths();
      supervised.kill([n - 1, n]);
      await eventually(() => supervised.deaths(), deaths + 1);
      // A suspect of before: moved to where it is tried, and the process was killed before it could be.
      if (n === 102) {
        const properties = { messageId: "suspect", type: Note.type, appId: APP, timestamp: Date.now() };
        await probe.sendRaw("conversation.notes.alone", Buffer.from(JSON.stringify({ n: 8 })), properties);
      }
      await client.send(Note, APP, { n });
      // Each time the one before is in hand again, of which a process has died.
      const isInHand = () => [n - 1, n].every((one) => supervised.handled.slice(before).includes(one));
      await eventually(isInHand, true, { deadlineMs: 40_000 });
    }
    supervised.kill([]);
    await eventually(() => supervised.handled.includes(8), true, { deadlineMs: 40_000 });
    expect(await deadOf("conversation.notes")).to.deep.equal([]);
  });

  for (const [title, deadly] of [
    ["one", [4]],
    ["several", [4, 5, 11]],
  ] as const) {
    it(`leaves an ordered lane to its neighbours, in their order: ${title}`, async () => {
      await using client = await openTestBroker(infra.amqpUrl, "gateway", [Append]);
      for (const n of numbers(40)) await client.send(Append, APP, { key: "k", n });
      await using supervised = supervise(infra.amqpUrl, "appends", ...deadly.map(String));
      await eventually(() => probe.depth("conversation.appends.dead-letter"), deadly.length, { deadlineMs: 50_000 });
      const innocent = numbers(40).filter((n) => !deadly.some((one) => one === n));
      await eventually(() => firstTimes(supervised.handled).length, innocent.length);
      expect(firstTimes(supervised.handled)).to.deep.equal(innocent);
      const dead = await deadOf("conversation.appends");
      expect(dead.toSorted((a, b) => a.n - b.n)).to.deep.equal(
        deadly.map((n) => ({ n, reason: "killed_its_process", from: "conversation.appends.alone" })),
      );
    });
  }
});
