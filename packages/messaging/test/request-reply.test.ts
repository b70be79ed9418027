import { DomainError } from "@strata/runtime";
import { eventually, type Infra, openInfra, tcpProxy } from "@strata/testing";
import { expect } from "chai";
import { ack, consumer, type Delivery, on, onGroup, refuse, reply } from "../src/index.ts";
import { type BrokerProbe, probeBroker } from "../src/testing.ts";
import { APP, gate, Note, openTestBroker, Square } from "./support.ts";

describe("request and reply", () => {
  let infra: Infra;
  let probe: BrokerProbe;
  before(async () => {
    infra = await openInfra("messaging-request-reply");
    probe = await probeBroker(infra.amqpUrl);
  });
  after(async () => {
    await probe[Symbol.asyncDispose]();
    await infra[Symbol.asyncDispose]();
  });

  it("brings the handler's reply to the requester, and its refusal as the same error", async () => {
    await using server = await openTestBroker(infra.amqpUrl, "conversation", [Note, Square]);
    const serving = await server.consume([
      consumer({
        queue: "conversation.notes",
        handlers: [
          on(Note, async ({ payload }) =>
            payload.n < 0 ? refuse(new DomainError("conflict", { property: "n" })) : reply({ doubled: payload.n * 2 }),
          ),
        ],
      }),
      consumer({
        queue: "conversation.queries",
        handlers: [on(Square, async ({ payload }) => reply({ squared: payload.n ** 2 }))],
      }),
    ]);
    await using client = await openTestBroker(infra.amqpUrl, "gateway", [Note, Square]);
    expect(await client.request(Note, APP, { n: 21 })).to.deep.equal({ doubled: 42 });
    expect(await client.ask(Square, APP, { n: 7 })).to.deep.equal({ squared: 49 });
    const refusal = await client.request(Note, APP, { n: -1 }).catch((error: unknown) => error);
    expect(refusal).to.be.instanceOf(DomainError);
    expect(refusal).to.include({ code: "conflict" });
    await serving.close();
    expect(await probe.depths(["conversation.notes", "conversation.notes.dead-letter"])).to.deep.equal({
      "conversation.notes": 0,
      "conversation.notes.dead-letter": 0,
    });
  });

  it("takes what is waiting as one group, with one outcome per delivery", async () => {
    await using server = await openTestBroker(infra.amqpUrl, "conversation", [Note]);
    const sizes: number[] = [];
    const handle = async (deliveries: readonly Delivery<{ n: number }>[]) => {
      sizes.push(deliveries.length);
      return deliveries.map(({ payload }) =>
        payload.n % 2 === 0 ? reply({ doubled: payload.n * 2 }) : refuse(new DomainError("conflict")),
      );
    };
    const serving = await server.consume([
      consumer({ queue: "conversation.notes", prefetch: 100, handlers: [onGroup(Note, handle)] }),
    ]);
    await using client = await openTestBroker(infra.amqpUrl, "gateway", [Note]);
    const results = await Promise.allSettled(Array.from({ length: 500 }, (_, n) => client.request(Note, APP, { n })));
    for (const [n, result] of results.entries()) {
      expect(result.status).to.equal(n % 2 === 0 ? "fulfilled" : "rejected");
      if (result.status === "fulfilled") expect(result.value).to.deep.equal({ doubled: n * 2 });
    }
    expect(sizes.reduce((sum, size) => sum + size, 0)).to.equal(500);
    expect(sizes.length).to.be.lessThan(250);
    expect(Math.max(...sizes)).to.be.at.most(100);
    await serving.close();
  });

  it("answers service_unavailable at once when no queue takes the command, and nothing happens later", async () => {
    await using client = await openTestBroker(infra.amqpUrl, "gateway", []);
    await probe.deleteQueue("conversation.notes");
    const error = await client.request(Note, APP, { n: 1 }).catch((thrown: unknown) => thrown);
    expect(error).to.include({ code: "service_unavailable" });
  });

  it("drops a command that was not started before its caller had given up", async () => {
    const handled: number[] = [];
    const row = consumer({
      queue: "conversation.notes",
      handlers: [
        on(Note, async ({ payload }) => {
          handled.push(payload.n);
          return ack;
        }),
      ],
    });
    {
      await using earlier = await openTestBroker(infra.amqpUrl, "conversation", [Note]);
      await (await earlier.consume([row])).close();
    }
    await using client = await openTestBroker(infra.amqpUrl, "gateway", [Note]);
    const late = await client.request(Note, APP, { n: 1 }, { timeoutMs: 150 }).catch((error: unknown) => error);
    expect(late).to.include({ code: "service_unavailable" });
    await client.send(Note, APP, { n: 2 });
    await using server = await openTestBroker(infra.amqpUrl, "conversation", [Note]);
    const serving = await server.consume([row]);
    await eventually(() => handled, [2]);
    await eventually(() => probe.depth("conversation.notes"), 0);
    await serving.close();
  });

  it("says no to a query whose service is away, within the deadline", async () => {
    await using client = await openTestBroker(infra.amqpUrl, "gateway", []);
    const error = await client.ask(Square, APP, { n: 1 }, { timeoutMs: 300 }).catch((thrown: unknown) => thrown);
    expect(error).to.include({ code: "service_unavailable" });
    expect(await client.dependsOn("conversation").answers()).to.equal(false);
  });

  it("fails only the request whose reply cannot be read", async () => {
    await using owner = await openTestBroker(infra.amqpUrl, "conversation", [Note]);
    await (
      await owner.consume([consumer({ queue: "conversation.notes", handlers: [on(Note, async () => ack)] })])
    ).close();
    await using client = await openTestBroker(infra.amqpUrl, "gateway", [Note]);
    const [unreadable, sound] = [client.request(Note, APP, { n: 1 }), client.request(Note, APP, { n: 2 })];
    const failure = unreadable.catch((thrown: unknown) => thrown);
    await eventually(() => probe.depth("conversation.notes"), 2);
    for (const { content, properties } of await probe.drain("conversation.notes")) {
      const isFirst = content.toString() === '{"n":1}';
      const body = isFirst ? "{" : '{"result":{"doubled":4}}';
      await probe.sendRaw(String(properties.replyTo), Buffer.from(body), { correlationId: properties.correlationId });
    }
    expect(String(await failure)).to.include("unreadable reply");
    expect(await sound).to.deep.equal({ doubled: 4 });
    expect(await probe.depth("conversation.notes")).to.equal(0);
  });

  it("asks a query again when the socket is cut before its answer", async () => {
    await using proxy = await tcpProxy(infra.amqpUrl);
    await using server = await openTestBroker(infra.amqpUrl, "conversation", [Square]);
    const asked = gate();
    const answer = gate();
    const serving = await server.consume([
      consumer({
        queue: "conversation.queries",
        handlers: [
          on(Square, async ({ payload }) => {
            asked.open();
            await answer.opened;
            return reply({ squared: payload.n ** 2 });
          }),
        ],
      }),
    ]);
    await using client = await openTestBroker(proxy.url, "gateway", [Square]);
    const answered = client.ask(Square, APP, { n: 5 });
    await asked.opened;
    proxy.cut();
    answer.open();
    expect(await answered).to.deep.equal({ squared: 25 });
    await serving.close();
  });
});
