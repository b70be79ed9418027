import { expect } from "chai";
import * as fc from "fast-check";
import { defineCommand, defineEvent } from "@strata/contracts";
import { z } from "zod";
import { consumer } from "./consumer.ts";
import { ack } from "./outcome.ts";
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
