import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { mkdtemp, readdir, readFile, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { createInterface } from "node:readline";
import { fileURLToPath } from "node:url";
import { type Broker, openBroker } from "@strata/messaging";
import { BatchStored, type PayloadOf, RevokeToken } from "@strata/contracts";
import { createReadiness, silentLogger } from "@strata/runtime";
import { anAnnouncementId, anAppId, eventually, type Infra, openInfra, userIds } from "@strata/testing";
import { type Channel, connect } from "amqplib";
import { expect } from "chai";
import { Registry } from "prom-client";

/** The recipe of README.md. */
const ACME = { configure: "^acme\\.", write: "^acme\\.", read: "^(acme\\.|strata\\.events$)" };
const APP = anAppId();

const aBatch = (n: number): PayloadOf<typeof BatchStored> => {
  const announcementId = anAnnouncementId();
  return {
    announcementId,
    batchId: `${APP}/${announcementId}/07/0/${String(n).padStart(6, "0")}`,
    partition: 7,
    at: Date.now(),
    recipients: userIds(3),
    hasNotification: false,
  };
};

const fileOf = ({ batchId }: { readonly batchId: string }): string => `${batchId.replaceAll("/", "_")}.json`;

describe("another team's consumer", () => {
  let infra: Infra;
  let producer: Broker;
  let acmeUrl: string;
  let outDir: string;
  const running = new Set<ChildProcess>();

  before(async () => {
    infra = await openInfra("external-consumer");
    outDir = await mkdtemp(join(tmpdir(), "acme-"));
    acmeUrl = await infra.management.createUser("acme", "acme-password", ACME);
    producer = await openBroker({
      url: infra.amqpUrl,
      service: "announcement-fanout",
      log: silentLogger,
      metrics: new Registry(),
      readiness: createReadiness(),
    });
    // The events exchange exists once a service of ours has been there.
    await producer.emit(BatchStored, APP, aBatch(0));
  });
  after(async () => {
    await producer.close();
    await infra[Symbol.asyncDispose]();
    await rm(outDir, { recursive: true, force: true });
  });
  afterEach(async () => {
    for (const child of running) await end(child, "SIGKILL");
  });

  const start = async () => {
    const child = spawn(process.execPath, [fileURLToPath(new URL("consumer.ts", import.meta.url))], {
      env: { PATH: process.env["PATH"], AMQP_URL: acmeUrl, OUT_DIR: outDir },
      stdio: ["ignore", "pipe", "inherit"],
    });
    running.add(child);
    const lines: string[] = [];
    createInterface({ input: child.stdout }).on("line", (line) => lines.push(line));
    await eventually(() => lines.includes("consuming acme.batches"), true);
    return { child, lines };
  };
  const end = async (child: ChildProcess, signal: NodeJS.Signals) => {
    running.delete(child);
    if (child.exitCode !== null || child.signalCode !== null) return;
    child.kill(signal);
    await once(child, "exit");
  };
  const kept = async () => (await readdir(outDir)).filter((file) => file.endsWith(".json"));

  it("keeps each batch once, though an event comes twice, and leaves its queue empty", async () => {
    const { child, lines } = await start();
    const batches = [1, 2, 3].map(aBatch);
    for (const batch of [...batches, ...batches]) await producer.emit(BatchStored, APP, batch);
    await eventually(() => lines.filter((line) => line.startsWith("known")).length, 3);
    expect(await kept()).to.include.members(batches.map(fileOf));
    const [first] = batches;
    const stored: unknown = first && JSON.parse(await readFile(join(outDir, fileOf(first)), "utf8"));
    expect(stored).to.deep.equal({ announcementId: first?.announcementId, recipients: userIds(3) });
    await end(child, "SIGTERM");
    expect(await infra.management.depths(["acme.batches"])).to.deep.equal({ "acme.batches": 0 });
  });

  it("gets what was published while it was away, and what it was killed over", async () => {
    const { child } = await start();
    child.kill("SIGSTOP");
    const batches = Array.from({ length: 50 }, (_, n) => aBatch(100 + n));
    for (const batch of batches.slice(0, 25)) await producer.emit(BatchStored, APP, batch);
    await eventually(async () => {
      const queue = (await infra.management.queues()).find(({ name }) => name === "acme.batches");
      return queue?.messages_unacknowledged;
    }, 20);
    await end(child, "SIGKILL");
    // These come together, as one message.
    await Promise.all(batches.slice(25).map((batch) => producer.emit(BatchStored, APP, batch)));
    const { lines } = await start();
    await eventually(() => lines.filter((line) => line.startsWith("kept")).length, 50);
    expect(await kept()).to.include.members(batches.map(fileOf));
  });

  it("refuses what is no event of v1 for good, and goes on behind it", async () => {
    const { lines } = await start();
    await asAcme(async (channel) => {
      // Its own exchange: the default one it may not use.
      await channel.assertExchange("acme.odd", "fanout");
      await channel.bindQueue("acme.batches", "acme.odd", "");
      channel.publish("acme.odd", "", Buffer.from("{}"));
    });
    const batch = aBatch(200);
    await producer.emit(BatchStored, APP, batch);
    await eventually(() => lines.includes(`kept ${batch.batchId}`), true);
    await eventually(() => infra.management.depths(["acme.batches"]), { "acme.batches": 0 });
  });

  /** Works on a channel of acme's own user; answers the error by which the broker closed it, if it did. */
  const asAcme = async (work: (channel: Channel) => Promise<unknown>): Promise<string> => {
    const connection = await connect(acmeUrl);
    const channel = await connection.createChannel();
    const closedBy: string[] = [];
    channel.on("error", (error: Error) => closedBy.push(error.message));
    try {
      await work(channel);
      // Publishing has no answer; the next call that has one comes behind it.
      if (closedBy.length === 0) await channel.checkExchange("strata.events");
    } catch (error) {
      closedBy.push(String(error));
    }
    await connection.close();
    return closedBy.join("; ");
  };

  const command = Buffer.from(JSON.stringify({ tokenId: "x", accountId: "operator" }));
  const forbidden: Readonly<Record<string, (channel: Channel) => Promise<unknown>>> = {
    "send a command": async (channel) =>
      channel.publish("strata.commands", "directory.admin", command, { type: RevokeToken.type }),
    "put a message straight into one of our queues": async (channel) =>
      channel.sendToQueue("push-delivery.announcements", command),
    "ask a query": async (channel) => channel.publish("strata.queries", "directory", command),
    "publish an event": async (channel) => channel.publish("strata.events", `${BatchStored.type}.${APP}`, command),
    "consume one of our queues": (channel) => channel.consume("push-delivery.announcements", () => undefined),
    "listen in on commands": (channel) => channel.bindQueue("acme.batches", "strata.commands", "#"),
    "read the log of all events": (channel) => channel.consume("strata.events.log", () => undefined),
    "delete one of our queues": (channel) => channel.deleteQueue("push-delivery.announcements"),
    "declare a queue under one of our names": (channel) => channel.assertQueue("push-delivery.acme"),
  };
  for (const [what, attempt] of Object.entries(forbidden)) {
    it(`may not ${what}`, async () => {
      expect(await asAcme(attempt)).to.match(/ACCESS_REFUSED|403/);
    });
  }

  it("may declare, bind and consume queues of its own", async () => {
    const answer = await asAcme(async (channel) => {
      await channel.assertQueue("acme.more", { durable: true, arguments: { "x-queue-type": "quorum" } });
      await channel.bindQueue("acme.more", "strata.events", "#");
      await channel.consume("acme.more", () => undefined);
    });
    expect(answer).to.equal("");
  });
});
