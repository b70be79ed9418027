import { expect } from "chai";
import * as fc from "fast-check";
import type { ConsumeMessage } from "amqplib";
import { defineCommand, defineEvent, defineQuery } from "@strata/contracts";
import { z } from "zod";
import { consumer } from "./consumer.ts";
import { isExpired } from "./incoming.ts";
import { ack } from "./outcome.ts";
import { faultsOf } from "./proofs.ts";
import { ownerOf } from "./replicas.ts";
import { rungFor } from "./settlement.ts";
import { on } from "./subscription.ts";
import { topologyOf } from "./topology.ts";
import { childTraceparent, newTraceparent } from "./trace.ts";

const payload = z.object({ key: z.string() });
const Plain = defineCommand({ service: "conversation", lane: "plain", name: "Plain", version: 1, payload });
const Ordered = defineCommand({
  service: "conversation",
  lane: "ordered",
  name: "Ordered",
  version: 1,
  payload,
  orderedBy: ({ key }) => key,
});
const Happened = defineEvent({ name: "test.it.happened", version: 1, producer: "gateway", payload });

const options = { service: "conversation", ladderMs: [1_000, 60_000], orderedQueues: 2 };
const acking = async () => ack;

describe("topologyOf", () => {
  const { exchanges, queues, bindings } = topologyOf(
    [
      consumer({ queue: "conversation.plain", handlers: [on(Plain, acking)] }),
      consumer({ queue: "conversation.ordered", handlers: [on(Ordered, acking)] }),
      consumer({ queue: "conversation.happenings", handlers: [on(Happened, acking)] }),
    ],
    options,
  );
  const argumentsOf = (name: string) => queues.find((queue) => queue.name === name)?.options.arguments;

  it("gives every durable work queue a delivery limit of at least 20 and a dead-letter queue", () => {
    for (const name of [
      "conversation.plain",
      "conversation.ordered.0",
      "conversation.ordered.1",
      "conversation.happenings",
    ]) {
      expect(argumentsOf(name), name).to.include({ "x-queue-type": "quorum" });
      expect(argumentsOf(name)?.["x-delivery-limit"], name).to.be.at.least(20);
    }
    expect(argumentsOf("conversation.ordered.0")?.["x-dead-letter-routing-key"]).to.equal(
      "conversation.ordered.dead-letter",
    );
  });

  it("dead-letters commands at least once, and never lets a queue of events refuse a publisher", () => {
    const atLeastOnce = { "x-dead-letter-strategy": "at-least-once", "x-overflow": "reject-publish" };
    expect(argumentsOf("conversation.plain")).to.include(atLeastOnce);
    expect(argumentsOf("conversation.retry.1s")).to.include({ ...atLeastOnce, "x-message-ttl": 1_000 });
    expect(argumentsOf("conversation.retry.1m")).to.include({ "x-message-ttl": 60_000 });
    expect(argumentsOf("conversation.happenings")).to.not.have.any.keys("x-overflow", "x-max-length");
  });

  it("leads an ordered lane by the hash of its key to queues with one active consumer each", () => {
    expect(exchanges.find(({ name }) => name === "conversation.ordered.ordered")).to.include({
      type: "x-consistent-hash",
    });
    expect(argumentsOf("conversation.ordered.1")).to.include({ "x-single-active-consumer": true });
    expect(bindings).to.deep.include({
      source: "strata.commands",
      destination: "conversation.ordered.ordered",
      kind: "exchange",
      pattern: "conversation.ordered",
    });
  });

  it("binds events by type whatever the app, and keeps all of them in the log", () => {
    expect(bindings).to.deep.include({
      source: "strata.events",
      destination: "conversation.happenings",
      kind: "queue",
      pattern: "test.it.happened.v1.*",
    });
    expect(argumentsOf("strata.events.log")).to.include({ "x-queue-type": "stream" });
  });
});

describe("rungFor", () => {
  it("never waits less than the attempt's own rung, nor less than asked while a rung is that long", () => {
    const ladder = [1_000, 10_000, 60_000];
    fc.assert(
      fc.property(fc.nat(5), fc.nat(100_000), (attempt, afterMs) => {
        const rungMs = rungFor(ladder, attempt, afterMs);
        const own = ladder[attempt];
        if (own === undefined) return rungMs === null;
        return rungMs !== null && rungMs >= own && (rungMs >= afterMs || rungMs === 60_000);
      }),
    );
  });
});

describe("traceparent", () => {
  it("stays in its trace with a span of its own, and starts a trace where there is none to read", () => {
    const parent = newTraceparent();
    const child = childTraceparent(parent);
    expect(child.slice(0, 35)).to.equal(parent.slice(0, 35));
    expect(child).to.not.equal(parent);
    for (const unreadable of [undefined, "", "00-xyz", 7])
      expect(childTraceparent(unreadable)).to.match(/^00-[0-9a-f]{32}-[0-9a-f]{16}-01$/);
  });
});

describe("faultsOf", () => {
  const Asked = defineQuery({ service: "conversation", name: "Asked", version: 1, payload, reply: payload });
  const Heard = defineEvent({
    name: "test.it.heard",
    version: 1,
    producer: "gateway",
    payload,
    consumedBy: ["conversation.hearings"],
  });
  const plain = consumer({ queue: "conversation.plain", handlers: [on(Plain, acking)] });
  const hearings = consumer({ queue: "conversation.hearings", handlers: [on(Heard, acking)] });
  const file = "services/conversation/src/consumers.ts";

  it("finds none where every command, query and named event has its one handler on its own queue", () => {
    const asking = consumer({ queue: "conversation.queries", handlers: [on(Asked, acking)] });
    expect(faultsOf("conversation", [plain, hearings, asking], [Plain, Heard, Asked])).to.deep.equal([]);
  });

  it("names the file to fix for each way to lose or misread a message", () => {
    const mixed = consumer({ queue: "conversation.plain", handlers: [on(Plain, acking), on(Heard, acking)] });
    const stray = consumer({ queue: "gateway.hearings", handlers: [on(Heard, acking)] });
    for (const [rows, catalogue, fault] of [
      [[], [Plain], "conversation.Plain.v1 is in the catalogue but no row handles it"],
      [[], [Heard], "test.it.heard.v1 names conversation.hearings as a consumer, but no row there handles it"],
      [[plain], [], "conversation.Plain.v1 is not in packages/contracts/src/catalogue.ts"],
      [[plain, plain], [Plain], "two rows consume conversation.plain; put their handlers into one row"],
      [[mixed], [Plain, Heard], "conversation.plain mixes commands, queries and events; give each a row of its own"],
      [[hearings, stray], [Heard], "gateway.hearings does not begin with conversation."],
      [[{ ...plain, handlers: [] }], [], "conversation.plain has no handler"],
      [
        [{ ...plain, queue: "conversation.other" }],
        [Plain],
        "the queue of conversation.Plain.v1 is conversation.plain",
      ],
    ] as const) {
      const faults = faultsOf("conversation", rows, catalogue);
      expect(faults.join("\n")).to.include(`${file}: ${fault}`);
    }
  });
});

const message = (headers: Record<string, unknown>, redelivered = false): ConsumeMessage => ({
  content: Buffer.from("{}"),
  fields: { consumerTag: "", deliveryTag: 1, redelivered, exchange: "", routingKey: "" },
  properties: {
    headers,
    contentType: undefined,
    contentEncoding: undefined,
    deliveryMode: 2,
    priority: undefined,
    correlationId: undefined,
    replyTo: undefined,
    expiration: undefined,
    messageId: "1",
    timestamp: undefined,
    type: undefined,
    userId: undefined,
    appId: undefined,
    clusterId: undefined,
  },
});

describe("isExpired", () => {
  const late = { "strata-deadline": 1_000 };

  it("drops what nobody has started when its caller has given up, and nothing else", () => {
    expect(isExpired(message(late), 1_001)).to.equal(true);
    expect(isExpired(message(late), 1_000)).to.equal(false);
    expect(isExpired(message({}), 1_001)).to.equal(false);
  });

  it("keeps what may be half done", () => {
    for (const begun of [
      message(late, true),
      message({ ...late, "x-delivery-count": 1 }),
      message({ ...late, "strata-attempt": 1 }),
    ])
      expect(isExpired(begun, 1_001)).to.equal(false);
  });
});

describe("ownerOf", () => {
  const queues = Array.from({ length: 16 }, (_, n) => `conversation.appends.${n}`);
  const replicaNames = fc.uniqueArray(fc.string({ minLength: 1 }), { minLength: 2, maxLength: 6 });

  it("gives each queue one owner, whoever asks and however they list each other", () => {
    fc.assert(
      fc.property(replicaNames, (names) =>
        queues.every((queue) => {
          const owner = ownerOf(queue, names);
          return owner !== undefined && names.includes(owner) && ownerOf(queue, names.toReversed()) === owner;
        }),
      ),
    );
  });

  it("moves only the queues of the replica that goes", () => {
    fc.assert(
      fc.property(replicaNames, ([gone = "", ...staying]) =>
        queues.every((queue) => {
          const before = ownerOf(queue, [gone, ...staying]);
          return before === gone || ownerOf(queue, staying) === before;
        }),
      ),
    );
  });
});
