import { expect } from "chai";
import * as fc from "fast-check";
import type { ConsumeMessage } from "amqplib";
import { defineEvent } from "@strata/contracts";
import { z } from "zod";
import type { OutgoingMessage } from "./confirmed-publisher.ts";
import { envelope } from "./delivery.ts";
import { readMessage } from "./incoming.ts";
import { PACK, packed, packing, type Part, unpacked } from "./packs.ts";
import type { InHand } from "./survivals.ts";
import { newTraceparent } from "./trace.ts";

const Happened = defineEvent({ name: "test.it.happened", version: 1, producer: "gateway", payload: z.unknown() });
const APP = "00000000-0000-4000-8000-00000000000a";

interface Fact {
  readonly id: string;
  readonly payload: object;
  readonly subjectVersion?: number | undefined;
  readonly causedBy?: string | undefined;
}

function eventOf({ id, payload, subjectVersion, causedBy }: Fact): OutgoingMessage {
  const traceparent = newTraceparent();
  const about = { contract: Happened, source: "gateway", id, app: APP, traceparent, causedBy, subjectVersion };
  const body = Buffer.from(JSON.stringify(payload));
  const routingKey = `${Happened.type}.${APP}`;
  return { exchange: "strata.events", routingKey, body, properties: { ...envelope(about), messageId: id } };
}

/** In hand as it would come from the broker; `acked` counts its acks. */
function inHand({ body, properties }: OutgoingMessage) {
  const fields = { deliveryTag: 1, redelivered: false, exchange: "strata.events", routingKey: "", consumerTag: "" };
  const { messageId, type, appId, timestamp, contentType, correlationId, headers = {} } = properties;
  const unset = { replyTo: undefined, expiration: undefined, clusterId: undefined, userId: undefined };
  const others = { contentEncoding: undefined, deliveryMode: 2, priority: undefined };
  const given = { messageId, type, appId, timestamp, contentType, correlationId, headers };
  const message: ConsumeMessage = { content: body, fields, properties: { ...unset, ...others, ...given } };
  let acked = 0;
  const held: InHand = {
    message,
    isSuspect: false,
    deaths: 0,
    blame: () => undefined,
    isStale: () => false,
    ack: () => void (acked += 1),
  };
  return { held, acked: () => acked };
}

/** Everything of a message that a consumer, or whoever finds it dead-lettered, could see. */
const seen = ({ message }: Part) => ({
  headers: message.properties.headers,
  type: message.properties.type,
  app: message.properties.appId,
  id: message.properties.messageId,
  at: message.properties.timestamp,
  contentType: message.properties.contentType,
  causedBy: message.properties.correlationId,
  payload: JSON.parse(message.content.toString()) as unknown,
});

const facts = fc.array(
  fc.record({
    id: fc.uuid(),
    payload: fc.dictionary(fc.string(), fc.jsonValue()),
    subjectVersion: fc.option(fc.nat(), { nil: undefined }),
    causedBy: fc.option(fc.string(), { nil: undefined }),
  }),
  { minLength: 2, maxLength: 8 },
);

describe("packs of events", () => {
  it("come out as each event would have come by itself, in their order", () => {
    fc.assert(
      fc.property(facts, (some) => {
        const events = some.map(eventOf);
        const parts = unpacked(inHand(packed(events)).held);
        expect(parts.map(seen)).to.deep.equal(events.map((event) => seen(inHand(event).held)));
      }),
    );
  });

  it("are read once: a handler gets the payload that was read with its neighbours", () => {
    const [part] = unpacked(
      inHand(packed([eventOf({ id: "1", payload: { n: 1 } }), eventOf({ id: "2", payload: {} })])).held,
    );
    const incoming = part && readMessage(part);
    expect(incoming?.kind === "delivery" && incoming.delivery).to.deep.include({
      id: "1",
      app: APP,
      payload: { n: 1 },
    });
  });

  it("are acknowledged with the last of their events, however often one is settled", () => {
    const { held, acked } = inHand(packed(["1", "2", "3"].map((id) => eventOf({ id, payload: {} }))));
    const [first, second, third] = unpacked(held);
    first?.ack();
    first?.ack();
    third?.ack();
    expect(acked()).to.equal(0);
    second?.ack();
    expect(acked()).to.equal(1);
  });

  it("stay whole where they cannot be read, and no handler gets them", () => {
    const odd = [{ id: "1" }, { id: 1, time: "2026-11-28T12:00:00Z", data: {} }, { id: "1", time: "noon", data: {} }];
    for (const text of ["{", "{}", "[]", "[1]", ...odd.map((event) => JSON.stringify([event]))]) {
      const { properties, ...event } = eventOf({ id: "1", payload: {} });
      const { held } = inHand({ ...event, body: Buffer.from(text), properties: { ...properties, contentType: PACK } });
      expect(unpacked(held), text).to.deep.equal([held]);
      expect(readMessage(held), text).to.include({ kind: "unreadable", reason: "malformed_pack" });
    }
  });
});

/** What would be published, and how many events are in it. */
function recording(failing?: Error) {
  const sent: { readonly message: OutgoingMessage; readonly deadlineAt: number }[] = [];
  const publish = packing({
    async publish(message, deadlineAt) {
      sent.push({ message, deadlineAt });
      if (failing) throw failing;
    },
  });
  const sizes = () =>
    sent.map(({ message }) => (message.properties.contentType === PACK ? unpacked(inHand(message).held).length : 1));
  return { sent, sizes, publish };
}

describe("packing", () => {
  it("sends an event that is alone as it is", async () => {
    const { sent, publish } = recording();
    const event = eventOf({ id: "1", payload: { n: 1 } });
    await publish(event, 5);
    expect(sent).to.deep.equal([{ message: event, deadlineAt: 5 }]);
  });

  it("sends together what one turn publishes under one routing key, by the earliest deadline", async () => {
    const { sent, sizes, publish } = recording();
    const other = { ...eventOf({ id: "x", payload: {} }), routingKey: "other" };
    const late = async (): Promise<void> => {
      for (let n = 0; n < 5; n += 1) await Promise.resolve();
      await publish(eventOf({ id: "3", payload: {} }), 9);
    };
    // Behind an await, as handlers do.
    await Promise.resolve();
    await Promise.all([publish(eventOf({ id: "1", payload: {} }), 7), publish(other, 1), late()]);
    expect(sent.map(({ deadlineAt }) => deadlineAt)).to.deep.equal([7, 1]);
    expect(sizes()).to.deep.equal([2, 1]);
    await publish(eventOf({ id: "4", payload: {} }), 8);
    expect(sizes()).to.deep.equal([2, 1, 1]);
  });

  it("puts no more than 100 events, or 64 kB of them, into one message, and nothing to a large one", async () => {
    const many = recording();
    const events = Array.from({ length: 250 }, (_, n) => eventOf({ id: String(n), payload: {} }));
    await Promise.all(events.map((event) => many.publish(event, 1)));
    expect(many.sizes()).to.deep.equal([100, 100, 50]);

    const large = recording();
    const sizesOf = [...Array.from({ length: 10 }, () => 8_000), 9_000, 10, 10, 100_000, 10];
    await Promise.all(
      sizesOf.map((size, n) => large.publish(eventOf({ id: String(n), payload: { text: "x".repeat(size) } }), 1)),
    );
    // Eight of these are 64 kB; what has more than 8 kB goes alone, whatever its size.
    expect(large.sizes()).to.deep.equal([8, 2, 1, 2, 1, 1]);
  });

  it("fails each event of a message that fails", async () => {
    const failure = new Error("the broker is away");
    const { publish } = recording(failure);
    const results = await Promise.allSettled(["1", "2"].map((id) => publish(eventOf({ id, payload: {} }), 1)));
    expect(results).to.deep.equal([
      { status: "rejected", reason: failure },
      { status: "rejected", reason: failure },
    ]);
  });
});
