import { eventually, type Infra, openInfra, tcpProxy } from "@strata/testing";
import { expect } from "chai";
import { z } from "zod";
import { ack, consumer, deadLetter, type Delivery, on, type Outcome, retry } from "../src/index.ts";
import { type BrokerProbe, probeBroker } from "../src/testing.ts";
import { APP, Noted, numbers, openTestBroker } from "./support.ts";

const DEAD = "realtime.notes.dead-letter";

describe("events that are emitted together", () => {
  let infra: Infra;
  let probe: BrokerProbe;
  before(async () => {
    infra = await openInfra("messaging-packs");
    probe = await probeBroker(infra.amqpUrl);
    // The exchange comes with the first of us to consume.
    await using first = await openTestBroker(infra.amqpUrl, "realtime", [Noted]);
    await (
      await first.consume([consumer({ queue: "realtime.notes", handlers: [on(Noted, async () => ack)] })])
    ).close();
    await probe.declareForeignQueue("acme.notes", `${Noted.type}.*`, 1_000);
  });
  after(async () => {
    await probe[Symbol.asyncDispose]();
    await infra[Symbol.asyncDispose]();
  });

  /** Subscribes with this handler, emits five notes in one turn, and answers what became of them. */
  async function emitFive(handler: (delivery: Delivery<{ n: number }>) => Promise<Outcome<never>>) {
    const subscriber = await openTestBroker(infra.amqpUrl, "realtime", [Noted]);
    const subscribed = await subscriber.consume([
      consumer({ queue: "realtime.notes", handlers: [on(Noted, handler)] }),
    ]);
    await using producer = await openTestBroker(infra.amqpUrl, "conversation", [Noted]);
    await Promise.all(numbers(5).map((n) => producer.emit(Noted, APP, { n }, { id: `note-${n}` })));
    return {
      async [Symbol.asyncDispose]() {
        await subscribed.close();
        await subscriber[Symbol.asyncDispose]();
      },
    };
  }

  it("are one message in each queue, a CloudEvents batch, and a delivery each for a handler of ours", async () => {
    const handled: Delivery<{ n: number }>[] = [];
    await using _run = await emitFive(async (delivery) => {
      handled.push(delivery);
      return ack;
    });
    await eventually(() => handled.map(({ id }) => id), ["note-0", "note-1", "note-2", "note-3", "note-4"]);
    expect(handled.map(({ payload }) => payload.n)).to.deep.equal(numbers(5));
    const [message, ...others] = await probe.drain("acme.notes");
    expect(others).to.deep.equal([]);
    expect(message?.properties).to.include({
      contentType: "application/cloudevents-batch+json",
      type: Noted.type,
      appId: APP,
    });
    const events = z.array(z.unknown()).parse(JSON.parse(String(message?.content)));
    expect(events).to.have.lengthOf(5);
    expect(events[3]).to.deep.include({
      specversion: "1.0",
      id: "note-3",
      source: "/strata/conversation",
      type: Noted.type,
      subject: APP,
      data: { n: 3 },
    });
  });

  it("are settled one by one: one is retried, one dead-lettered, and neither takes the others along", async () => {
    const handled: string[] = [];
    await using _run = await emitFive(async ({ payload: { n }, attempt }) => {
      handled.push(`${n}/${attempt}`);
      if (n === 2 && attempt === 0) return retry(0, new Error("not yet"));
      return n === 3 ? deadLetter("refused_for_good") : ack;
    });
    await eventually(() => handled.toSorted(), ["0/0", "1/0", "2/0", "2/1", "3/0", "4/0"]);
    await eventually(() => probe.depth(DEAD), 1);
    const [dead] = await probe.drain(DEAD);
    expect(dead?.properties).to.include({ messageId: "note-3", contentType: "application/json" });
    expect(dead?.properties.headers).to.include({ "strata-reason": "refused_for_good", cloudEvents_id: "note-3" });
    expect(JSON.parse(String(dead?.content))).to.deep.equal({ n: 3 });
    await eventually(() => probe.depth("realtime.notes"), 0);
  });

  it("all come again, marked as such, when the connection is lost before the last of them is done", async () => {
    await using proxy = await tcpProxy(infra.amqpUrl);
    await using subscriber = await openTestBroker(proxy.url, "realtime", [Noted]);
    const { promise: never, resolve: letGo } = Promise.withResolvers<void>();
    const handled: string[] = [];
    const subscribed = await subscriber.consume([
      consumer({
        queue: "realtime.notes",
        handlers: [
          on(Noted, async ({ payload: { n }, isRedelivered }) => {
            handled.push(`${n}${isRedelivered ? " again" : ""}`);
            if (n === 4 && !isRedelivered) await never;
            return ack;
          }),
        ],
      }),
    ]);
    await using producer = await openTestBroker(infra.amqpUrl, "conversation", [Noted]);
    await Promise.all(numbers(5).map((n) => producer.emit(Noted, APP, { n })));
    await eventually(() => handled.length, 5);
    proxy.cut();
    await eventually(() => handled.slice(5), ["0 again", "1 again", "2 again", "3 again", "4 again"]);
    letGo();
    await eventually(() => probe.depth("realtime.notes"), 0);
    await subscribed.close();
  });

  it("is dead-lettered whole where it cannot be read", async () => {
    await using _run = await emitFive(async () => ack);
    const properties = { type: Noted.type, contentType: "application/cloudevents-batch+json", messageId: "broken" };
    await probe.sendRaw("realtime.notes", Buffer.from('[{"id":"1"}]'), properties);
    await eventually(() => probe.depth(DEAD), 1);
    const [dead] = await probe.drain(DEAD);
    expect(dead?.properties.messageId).to.equal("broken");
    expect(dead?.properties.headers?.["strata-reason"]).to.equal("malformed_pack");
  });
});
