import { eventually, type Infra, openInfra, tcpProxy } from "@strata/testing";
import { expect } from "chai";
import { ack, consumer, on } from "../src/index.ts";
import { type BrokerProbe, probeBroker } from "../src/testing.ts";
import { APP, codesOf, isReady, Note, numbers, openTestBroker } from "./support.ts";

describe("publishing", () => {
  let infra: Infra;
  let probe: BrokerProbe;
  before(async () => {
    infra = await openInfra("messaging-publishing");
    probe = await probeBroker(infra.amqpUrl);
    await using owner = await openTestBroker(infra.amqpUrl, "conversation", [Note]);
    await (
      await owner.consume([consumer({ queue: "conversation.notes", handlers: [on(Note, async () => ack)] })])
    ).close();
  });
  after(async () => {
    await probe[Symbol.asyncDispose]();
    await infra[Symbol.asyncDispose]();
  });

  it("takes no returned message for confirmed, even when the same id is published twice at once", async () => {
    const elsewhere = await openInfra("messaging-unroutable");
    await using _ = elsewhere;
    await using client = await openTestBroker(elsewhere.amqpUrl, "gateway", []);
    const sends = numbers(10).map(() => client.send(Note, APP, { n: 1 }, { id: "same" }));
    expect(await codesOf(sends)).to.deep.equal(numbers(10).map(() => "service_unavailable"));
  });

  it("answers within a publish's own deadline although the window is full of more patient ones", async () => {
    await using proxy = await tcpProxy(infra.amqpUrl);
    await using client = await openTestBroker(proxy.url, "gateway", []);
    await isReady(client);
    proxy.stall();
    const patient = Promise.all(numbers(1_500).map((n) => client.send(Note, APP, { n })));
    const startedAt = performance.now();
    expect(await codesOf([client.send(Note, APP, { n: 0 }, { timeoutMs: 300 })])).to.deep.equal([
      "service_unavailable",
    ]);
    expect(performance.now() - startedAt).to.be.lessThan(1_500);
    proxy.resume();
    await patient;
    await eventually(() => probe.depth("conversation.notes"), 1_500);
    await probe.drain("conversation.notes");
  });

  it("has never more than its window unconfirmed, however many callers have given up", async () => {
    await using proxy = await tcpProxy(infra.amqpUrl);
    await using client = await openTestBroker(proxy.url, "gateway", []);
    await isReady(client);
    proxy.stall();
    for (let round = 0; round < 3; round += 1) {
      const sends = numbers(1_500).map((n) => client.send(Note, APP, { n }, { timeoutMs: 100 }));
      expect(new Set(await codesOf(sends))).to.deep.equal(new Set(["service_unavailable"]));
    }
    proxy.resume();
    await client.send(Note, APP, { n: 0 });
    await eventually(
      () => probe.depth("conversation.notes"),
      (depth) => depth > 0,
    );
    expect((await probe.drain("conversation.notes")).length).to.be.at.most(1_001);
  });

  it("fails at once, and not as an absent broker, when a message cannot be put on the wire", async () => {
    await using client = await openTestBroker(infra.amqpUrl, "gateway", []);
    const startedAt = performance.now();
    const error = await client.send(Note, APP, { n: 1 }, { id: "x".repeat(300) }).catch((thrown: unknown) => thrown);
    expect(error).to.be.instanceOf(Error).and.not.to.include({ code: "service_unavailable" });
    expect(performance.now() - startedAt).to.be.lessThan(1_000);
  });

  it("counts the unconfirmed of all its publishers together", async () => {
    await using proxy = await tcpProxy(infra.amqpUrl);
    await using client = await openTestBroker(proxy.url, "gateway", []);
    const unconfirmed = async () =>
      (await client.registry.getSingleMetric("messaging_unconfirmed_messages")?.get())?.values.map(
        ({ value }) => value,
      );
    await isReady(client);
    proxy.stall();
    const sent = client.send(Note, APP, { n: 1 });
    const requested = codesOf([client.request(Note, APP, { n: 1 }, { timeoutMs: 200 })]);
    await eventually(unconfirmed, [2], { everyMs: 1 });
    await requested;
    proxy.resume();
    await sent;
    await eventually(unconfirmed, [0]);
    await probe.drain("conversation.notes");
  });

  it("closes within seconds although the broker hangs", async () => {
    await using proxy = await tcpProxy(infra.amqpUrl);
    const client = await openTestBroker(proxy.url, "gateway", []);
    await isReady(client);
    proxy.stall();
    const sent = codesOf([client.send(Note, APP, { n: 1 }, { timeoutMs: 30_000 })]);
    let isClosed = false;
    void client.close().then(() => (isClosed = true));
    await eventually(() => isClosed, true, { deadlineMs: 9_000 });
    proxy.pause();
    expect(await sent).to.deep.equal(["service_unavailable"]);
  });
});
