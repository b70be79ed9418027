import { eventually, type Infra, openInfra } from "@strata/testing";
import { expect } from "chai";
import { ack, consumer, deadLetter, on, retry } from "../src/index.ts";
import { type BrokerProbe, probeBroker } from "../src/testing.ts";
import { APP, Note, Noted, openTestBroker, Revoked, sorted } from "./support.ts";

describe("outcomes", () => {
  let infra: Infra;
  let probe: BrokerProbe;
  before(async () => {
    infra = await openInfra("messaging-outcomes");
    probe = await probeBroker(infra.amqpUrl);
  });
  after(async () => {
    await probe[Symbol.asyncDispose]();
    await infra[Symbol.asyncDispose]();
  });

  it("retries down the ladder with the attempt counted, and dead-letters at its end with the reason", async () => {
    await using server = await openTestBroker(infra.amqpUrl, "conversation", [Note]);
    const attempts: number[] = [];
    const serving = await server.consume([
      consumer({
        queue: "conversation.notes",
        handlers: [
          on(Note, async (delivery) => {
            if (delivery.payload.n === 1) return ack;
            attempts.push(delivery.attempt);
            return retry(0, new Error("not yet"));
          }),
        ],
      }),
    ]);
    await server.send(Note, APP, { n: 0 }, { id: "doomed" });
    await server.send(Note, APP, { n: 1 });
    await eventually(() => attempts, [0, 1, 2, 3]);
    await eventually(() => probe.depth("conversation.notes.dead-letter"), 1);
    const [dead] = await probe.drain("conversation.notes.dead-letter");
    expect(dead?.properties.messageId).to.equal("doomed");
    expect(dead?.properties.headers).to.include({
      "strata-reason": "retries_exhausted",
      "strata-error": "not yet",
      "strata-source-queue": "conversation.notes",
    });
    expect(JSON.parse(String(dead?.content))).to.deep.equal({ n: 0 });
    await serving.close();
  });

  it("dead-letters at once what no contract can read: bad JSON, wrong payload, unknown type", async () => {
    await using server = await openTestBroker(infra.amqpUrl, "conversation", [Note]);
    const handled: number[] = [];
    const serving = await server.consume([
      consumer({
        queue: "conversation.notes",
        handlers: [
          on(Note, async ({ payload }) => {
            handled.push(payload.n);
            return payload.n === 9 ? deadLetter("refused_for_good") : ack;
          }),
        ],
      }),
    ]);
    await probe.sendRaw("conversation.notes", Buffer.from("{"), { messageId: "1", type: Note.type });
    await probe.sendRaw("conversation.notes", Buffer.from('{"n":"x"}'), { messageId: "2", type: Note.type });
    await probe.sendRaw("conversation.notes", Buffer.from("{}"), { messageId: "3", type: "conversation.Other.v1" });
    await server.send(Note, APP, { n: 9 }, { id: "4" });
    await server.send(Note, APP, { n: 5 }, { id: "5" });
    await eventually(() => probe.depth("conversation.notes.dead-letter"), 4);
    const dead = await probe.drain("conversation.notes.dead-letter");
    const reasons = dead.map(({ properties }) => [properties.messageId, properties.headers?.["strata-reason"]]);
    expect(Object.fromEntries(reasons)).to.deep.equal({
      1: "malformed_json",
      2: "invalid_payload",
      3: "unknown_type",
      4: "refused_for_good",
    });
    await eventually(() => sorted(handled), [5, 9]);
    await serving.close();
  });

  it("brings an event to every subscribing service and to every instance that listens for itself", async () => {
    await using subscriber = await openTestBroker(infra.amqpUrl, "realtime", [Noted, Revoked]);
    await using listener = await openTestBroker(infra.amqpUrl, "gateway", [Revoked]);
    const heard: string[] = [];
    const hear = (who: string) => async () => {
      heard.push(who);
      return ack;
    };
    const subscribed = await subscriber.consume([
      consumer({ queue: "realtime.notes", handlers: [on(Noted, hear("service"))] }),
      consumer({ queue: "realtime.revocations", scope: "instance", handlers: [on(Revoked, hear("instance 1"))] }),
    ]);
    const listening = await listener.consume([
      consumer({ queue: "gateway.revocations", scope: "instance", handlers: [on(Revoked, hear("instance 2"))] }),
    ]);
    await using producer = await openTestBroker(infra.amqpUrl, "conversation", [Noted, Revoked]);
    await producer.emit(Noted, APP, { n: 1 }, { subjectVersion: 3 });
    await producer.emit(Revoked, APP, { n: 2 });
    await eventually(() => heard.toSorted(), ["instance 1", "instance 2", "service"]);
    await subscribed.close();
    await listening.close();
  });

  it("does not consume before the queues that its events need exist", async () => {
    await using producer = await openTestBroker(infra.amqpUrl, "conversation", [Noted]);
    await probe.deleteQueue("realtime.notes");
    const starting = producer.consume([]);
    await eventually(async () => (await producer.readiness.check()).checks["event consumers exist"], false);
    await using subscriber = await openTestBroker(infra.amqpUrl, "realtime", [Noted]);
    const subscribed = await subscriber.consume([
      consumer({ queue: "realtime.notes", handlers: [on(Noted, async () => ack)] }),
    ]);
    await (await starting).close();
    expect((await producer.readiness.check()).checks["event consumers exist"]).to.equal(true);
    await subscribed.close();
  });

  it("stops at the start with every fault and the file to fix", async () => {
    await using server = await openTestBroker(infra.amqpUrl, "conversation", [Note]);
    const row = consumer({ queue: "conversation.wrong", handlers: [on(Noted, async () => ack)] });
    const error = await server.consume([row, row]).catch((thrown: unknown) => thrown);
    expect(String(error))
      .to.include("two rows consume conversation.wrong")
      .and.include("conversation.Note.v1 is in the catalogue but no row handles it")
      .and.include("test.note.noted.v1 is not in packages/contracts/src/catalogue.ts")
      .and.include("services/conversation/src/consumers.ts");
  });
});
