import { randomBytes, randomUUID } from "node:crypto";
import { AskBeforeSend, RecordAct, ReportDeletion, ReviewDecision } from "@strata/contracts";
import { ack, type Broker, consumer, deadLetter, on, openBroker } from "@strata/messaging";
import { createReadiness } from "@strata/runtime";
import { anAppId, type Infra, openInfra, startInProcess, testBackend, testLogger } from "@strata/testing";
import { expect } from "chai";
import { Registry } from "prom-client";
import { loadConfig } from "../../src/config.ts";
import { start } from "../../src/start.ts";

/** What one app may have under way, and how many such apps take all the places of a replica. */
const [PER_APP, APPS] = [50, 10];

describe("questions before messages, over the broker", function overTheBroker() {
  this.timeout(60_000);
  const resources = new AsyncDisposableStack();
  let infra: Infra;
  let gateway: Broker;

  async function openPeer(service: "directory" | "gateway"): Promise<Broker> {
    const broker = await openBroker({
      url: infra.amqpUrl,
      service,
      log: testLogger(service),
      metrics: new Registry(),
      readiness: createReadiness(),
      orderedQueues: 2,
      ...(service === "directory" ? { catalogue: [RecordAct, ReportDeletion, ReviewDecision] } : {}),
    });
    resources.defer(() => broker.close());
    return broker;
  }

  before(async () => {
    infra = resources.use(await openInfra("integration-questions"));
    // The service waits for the queues of the directory.
    const directory = await openPeer("directory");
    const consuming = await directory.consume([
      consumer({ queue: "directory.admin", handlers: [on(RecordAct, async () => ack)] }),
      consumer({ queue: "directory.deletions", handlers: [on(ReportDeletion, async () => ack)] }),
      consumer({ queue: "directory.identities", handlers: [on(ReviewDecision, async () => deadLetter("not here"))] }),
    ]);
    resources.defer(() => consuming.close());
    gateway = await openPeer("gateway");
  });
  after(() => resources.disposeAsync());

  const ask = async (app: string, url: string, { timeoutMs, withinMs }: { timeoutMs: number; withinMs: number }) => {
    const message = {
      messageId: randomUUID(),
      conversationId: randomUUID(),
      sender: { userId: "ann" },
      parts: [{ partId: null, mimeType: "text/plain", body: "hi", encoding: null, content: null }],
      notification: null,
    };
    const question = { webhook: { url, timeoutMs }, subject: "users" as const, message };
    return (await gateway.ask(AskBeforeSend, app, question, { timeoutMs: withinMs })).verdict;
  };

  it("have a replica to themselves again once ten backends that hang are spared, though they are asked as before", async () => {
    await using hanging = await testBackend();
    await using backend = await testBackend();
    const config = loadConfig({
      AMQP_URL: infra.amqpUrl,
      MONGO_URL: infra.mongoUrl("integration"),
      SIGNING_KEY: randomBytes(32).toString("base64"),
      ALLOW_LOCAL_WEBHOOKS: "true",
      CALLS_PER_APP: String(PER_APP),
      BACKEND_COOL_DOWN_MS: "600000",
    });
    await using service = await startInProcess(start, { name: "integration", config });
    hanging.hangs();
    const apps = Array.from({ length: APPS }, () => anAppId());
    const askAll = () =>
      apps.flatMap((app) =>
        Array.from({ length: PER_APP }, () => ask(app, hanging.url, { timeoutMs: 4_000, withinMs: 50_000 })),
      );
    for (const verdict of await Promise.all(askAll())) expect(verdict.outcome).to.equal("none");

    const spared = askAll();
    // Behind five hundred questions that would take four seconds each.
    expect(await ask(anAppId(), backend.url, { timeoutMs: 3_000, withinMs: 3_500 })).to.deep.equal({
      outcome: "allow",
      note: null,
    });
    const note = "it was not asked, since it had not answered several times in a row";
    expect(new Set((await Promise.all(spared)).map((verdict) => verdict.note))).to.deep.equal(new Set([note]));
    const counted = await service.metrics.getSingleMetricAsString("integration_questions_unasked_total");
    expect(Number(/reason="circuit_open"} (\d+)/.exec(counted)?.[1])).to.be.at.least(APPS * PER_APP);
  });
});
