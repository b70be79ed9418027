import { DomainError } from "@strata/runtime";
import { eventually } from "@strata/testing";
import { expect } from "chai";
import { ack, type Consumer, consumer, on } from "../src/index.ts";
import { type BrokerProbe, probeBroker } from "../src/testing.ts";
import { canStartBroker, type OwnBroker, startOwnBroker } from "./own-broker.ts";
import { APP, codesOf, Note, numbers, openTestBroker, type OpenedBroker } from "./support.ts";

const isReady = async ({ readiness }: OpenedBroker): Promise<boolean> => (await readiness.check()).ready;

const noting = (handled: Set<number>): Consumer =>
  consumer({
    queue: "conversation.notes",
    handlers: [
      on(Note, async ({ payload }) => {
        handled.add(payload.n);
        return ack;
      }),
    ],
  });

/** On a node of its own: no other test may lose its broker, or find it blocked. */
describe("broker outage", function () {
  this.timeout(120_000);
  let node: OwnBroker;
  before(async function () {
    // Without a RabbitMQ on this machine (servers in containers, or elsewhere) there is no second node to be had.
    if (!canStartBroker) this.skip();
    node = await startOwnBroker();
  });
  after(() => node?.[Symbol.asyncDispose]());

  it("loses nothing confirmed when the broker stops and comes back under load, and says no in time meanwhile", async () => {
    await using server = await openTestBroker(node.url, "conversation", [Note]);
    await using client = await openTestBroker(node.url, "gateway", []);
    const handled = new Set<number>();
    const serving = await server.consume([noting(handled)]);
    const load = startLoad(client);
    await eventually(() => load.confirmed.size > 500, true);

    await node.stop();
    await eventually(async () => [await isReady(client), await isReady(server)], [false, false]);
    const patient = client.send(Note, APP, { n: -1 }, { timeoutMs: 90_000 });
    const refusedAtStop = load.refusedMs.length;
    await eventually(() => load.refusedMs.length > refusedAtStop + 20, true, { deadlineMs: 30_000 });
    await node.start();

    await eventually(async () => [await isReady(client), await isReady(server)], [true, true], { deadlineMs: 30_000 });
    await patient;
    const confirmedAtStart = load.confirmed.size;
    await eventually(() => load.confirmed.size > confirmedAtStart + 200, true, { deadlineMs: 30_000 });
    await load.stop();
    await eventually(() => [...load.confirmed, -1].filter((n) => !handled.has(n)), [], { deadlineMs: 20_000 });
    expect(load.otherErrors).to.deep.equal([]);
    expect(Math.max(...load.refusedMs)).to.be.lessThan(TIMEOUT_MS + 500);
    await using probe = await probeBroker(node.url);
    await expectEmpty(probe);
    await serving.close();
  });

  async function saysNoDuring(resource: "memory" | "disk"): Promise<void> {
    await using server = await openTestBroker(node.url, "conversation", [Note]);
    await using client = await openTestBroker(node.url, "gateway", []);
    const handled = new Set<number>();
    const serving = await server.consume([noting(handled)]);
    await client.send(Note, APP, { n: 0 });
    await node.setAlarm(resource, true);
    // The broker tells a connection that it is blocked when that first publishes.
    await codesOf([client.send(Note, APP, { n: 0 }, { timeoutMs: 200 })]);
    await eventually(() => isReady(client), false);

    const startedAt = performance.now();
    const sends = numbers(5_000).map((n) => client.send(Note, APP, { n }, { timeoutMs: 500 }));
    const requests = numbers(500).map((n) => client.request(Note, APP, { n }, { timeoutMs: 500 }));
    expect(new Set(await codesOf([...sends, ...requests]))).to.deep.equal(new Set(["service_unavailable"]));
    expect(performance.now() - startedAt).to.be.lessThan(3_000);
    const error: unknown = await sends[0]?.catch((thrown: unknown) => thrown);
    expect(error instanceof DomainError && error.details["retryAfterMs"]).to.be.greaterThan(0);

    await node.setAlarm(resource, false);
    await eventually(() => isReady(client), true);
    await client.send(Note, APP, { n: 10_000 });
    await eventually(() => handled.has(10_000), true);
    // Only what was on its way when the alarm began came through after its caller had given up.
    expect(handled.size).to.be.at.most(3);
    // What is still to be dropped as expired would come to the next test as redelivered, and that is carried out.
    await using probe = await probeBroker(node.url);
    await expectEmpty(probe);
    await serving.close();
  }

  it("says no in time while the broker blocks publishers, without piling up, and goes on when it takes messages again", () =>
    saysNoDuring("memory"));

  it("does the same when the disk of the broker is as good as full", () => saysNoDuring("disk"));
});

const TIMEOUT_MS = 1_500;

/** Publishes without a pause, a few at a time; each n is sent once, and its fate kept. */
function startLoad(client: OpenedBroker) {
  const confirmed = new Set<number>();
  const refusedMs: number[] = [];
  const otherErrors: unknown[] = [];
  let next = 0;
  const stopping = new AbortController();

  const sendOne = async (): Promise<void> => {
    const n = next;
    next += 1;
    const startedAt = performance.now();
    try {
      await client.send(Note, APP, { n }, { timeoutMs: TIMEOUT_MS });
      confirmed.add(n);
    } catch (error) {
      if (error instanceof DomainError && error.code === "service_unavailable") {
        refusedMs.push(performance.now() - startedAt);
      } else otherErrors.push(error);
    }
  };
  const sender = async (): Promise<void> => {
    while (!stopping.signal.aborted) await sendOne();
  };
  const senders = Promise.all(numbers(20).map(sender));
  return {
    confirmed,
    refusedMs,
    otherErrors,
    async stop() {
      stopping.abort();
      await senders;
    },
  };
}

async function expectEmpty(probe: BrokerProbe): Promise<void> {
  const empty = {
    "conversation.notes": 0,
    "conversation.notes.alone": 0,
    "conversation.notes.dead-letter": 0,
  };
  await eventually(() => probe.depths(Object.keys(empty)), empty);
}
