import { setTimeout as wait } from "node:timers/promises";
import { type AnyContract, eventsOf, type ServiceName } from "@strata/contracts";
import type { Closable, Dependency, Logger, Readiness } from "@strata/runtime";
import type { Channel } from "amqplib";
import type { Registry } from "prom-client";
import { type ConfirmedPublisher, confirmedPublisher } from "./confirmed-publisher.ts";
import { type Connection, openConnection } from "./connection.ts";
import type { Consumer } from "./consumer.ts";
import { declareTopology } from "./declare.ts";
import { saysUnavailable } from "./errors.ts";
import { declareInstanceQueue } from "./instance-queue.ts";
import { type MessagingMetrics, messagingMetrics } from "./metrics.ts";
import { aloneQueue, ORDERED_QUEUES } from "./names.ts";
import { ping } from "./ping.ts";
import { processing } from "./processing.ts";
import { faultsOf } from "./proofs.ts";
import { type Client, clientOver, type Publisher, publisherOver } from "./publisher.ts";
import { QueueConsumer } from "./queue-consumer.ts";
import type { QueueMode } from "./queue-mode.ts";
import { openReplies, type Replies } from "./replies.ts";
import { openRequester, type Requester } from "./requester.ts";
import { mover } from "./settlement.ts";
import { commonTopology, isOrdered, isQueries, queuesOf, rowTopology, type TopologyOptions, topologyOf } from "./topology.ts";

export interface BrokerOptions {
  readonly url: string;
  readonly service: ServiceName;
  readonly log: Logger;
  readonly metrics: Registry;
  readonly readiness: Readiness;
  /** Delays of the retry ladder; default 1 s, 10 s, 1 min, 10 min. */
  readonly ladderMs?: readonly number[];
  /** Queues per ordered lane; default 16. The same for all replicas and all time of one deployment. */
  readonly orderedQueues?: number;
  /** What may be sent at all; default: the whole catalogue. */
  readonly catalogue?: readonly AnyContract[];
}

/** A service's way to everybody else: publishes, asks, and consumes. */
export interface Broker extends Publisher, Client, Closable {
  /**
   * Proves the rows against the catalogue (throws with every fault and the file to fix), declares their topology, waits
   * until the queues that our events need exist, and consumes. Closing the answer drains: no new deliveries, those in
   * hand finished.
   */
  consume(rows: readonly Consumer[]): Promise<Closable>;
  /** Another service as a dependency of handlers that ask it: pauses them while it does not answer. */
  dependsOn(service: ServiceName): Dependency;
}

const LADDER_MS = [1_000, 10_000, 60_000, 600_000] as const;
/** An ordered lane waits in place and holds up what is behind it, so its patience ends sooner. */
const IN_PLACE_MAX_MS = 10_000;
const START_DEADLINE_MS = 30_000;
const CONSUMERS_POLL_MS = 250;

/** Opens the three connections (publish, consume, requests). Throws when the broker cannot be reached at the start. */
export async function openBroker(options: BrokerOptions): Promise<Broker> {
  const { url, service, log, readiness } = options;
  const metrics = messagingMetrics(options.metrics);
  const [publishing, consuming, requesting] = await Promise.all(
    ["publish", "consume", "request"].map((purpose) => openConnection(url, `${service} ${purpose}`, log)),
  );
  if (!publishing || !consuming || !requesting) throw new Error("unreachable: three connections were asked for");
  const parts: Parts = {
    options,
    metrics,
    topology: {
      service,
      ladderMs: options.ladderMs ?? LADDER_MS,
      orderedQueues: options.orderedQueues ?? ORDERED_QUEUES,
    },
    consuming,
    confirmed: confirmedPublisher(publishing, "publish", metrics, (channel) => declareTopology(channel, commonTopology)),
    requester: openRequester(requesting, metrics),
    replies: openReplies(requesting),
  };
  readiness.add("broker", () => parts.confirmed.isReady && parts.requester.isReady);
  return {
    ...publisherOver(parts.confirmed, service),
    ...clientOver(parts.requester, service),
    consume: (rows) => consume(rows, parts),
    dependsOn: (other) => serviceDependency(other, parts.requester),
    async close() {
      await Promise.race([parts.confirmed.flush(), wait(5_000, undefined, { ref: false })]);
      await Promise.all([publishing, consuming, requesting].map((connection) => connection.close()));
    },
  };
}

interface Parts {
  readonly options: BrokerOptions;
  readonly metrics: MessagingMetrics;
  readonly topology: TopologyOptions;
  readonly consuming: Connection;
  readonly confirmed: ConfirmedPublisher;
  readonly requester: Requester;
  readonly replies: Replies;
}

async function consume(rows: readonly Consumer[], parts: Parts): Promise<Closable> {
  const { options, topology, consuming } = parts;
  const faults = faultsOf(options.service, rows, options.catalogue);
  if (faults.length > 0) throw new Error(`this service would lose or misread messages:\n${faults.join("\n")}`);

  const declaring = consuming.openPlain("declare", (channel) => declareTopology(channel, topologyOf(rows, topology)));
  await declaring.ready(Date.now() + START_DEADLINE_MS);
  await declaring.close();
  await untilConsumersExist(parts);

  const consumers = rows.flatMap((row) => consumersOf(row, parts));
  for (const { queue, consumer } of consumers) options.readiness.add(`consumes ${queue}`, () => consumer.isLive);
  await Promise.all(consumers.map(({ consumer }) => consumer.started(Date.now() + START_DEADLINE_MS)));
  return {
    async close() {
      await Promise.all(consumers.map(({ consumer }) => consumer.close()));
    },
  };
}

/**
 * Our events reach only queues that exist. A queue named in an event's `consumedBy` is made by its own service, so we
 * publish nothing before that service has been started once.
 */
async function untilConsumersExist({ options, consuming }: Parts): Promise<void> {
  const { service, log, catalogue, readiness } = options;
  const needed = new Set(
    (catalogue ?? eventsOf(service)).flatMap((contract) =>
      contract.kind === "event" && contract.producer === service ? contract.consumedBy : [],
    ),
  );
  let missing: readonly string[] = [...needed];
  readiness.add("event consumers exist", () => missing.length === 0);
  for (let round = 0; missing.length > 0; round += 1) {
    const checks = await Promise.all(missing.map(async (queue) => ({ queue, exists: await exists(consuming, queue) })));
    missing = checks.filter((check) => !check.exists).map(({ queue }) => queue);
    if (missing.length === 0) return;
    if (round % 20 === 0) log.info("waiting for the queues of other services", { missing });
    await wait(CONSUMERS_POLL_MS);
  }
}

/** A passive declare of a missing queue closes its channel, so every look has a channel of its own. */
async function exists(connection: Connection, queue: string): Promise<boolean> {
  let found: boolean | null = null;
  const looking = connection.openPlain(`look for ${queue}`, async (channel) => {
    if (found !== null) return;
    found = await channel.checkQueue(queue).then(
      () => true,
      () => false,
    );
  });
  try {
    await looking.ready(Date.now() + 1_000);
  } catch {
    // Closed by the answer "not found".
  } finally {
    await looking.close();
  }
  return found === true;
}

function consumersOf(row: Consumer, parts: Parts): readonly { queue: string; consumer: QueueConsumer }[] {
  const mode = modeOf(row);
  const queues = mode === "instance" ? [row.queue] : queuesOf(row, parts.topology);
  const main = queues.map((queue) => ({ queue, consumer: consumerOn(row, queue, mode, parts) }));
  if (mode !== "work" && mode !== "ordered") return main;
  const alone = aloneQueue(row.queue);
  return [...main, { queue: alone, consumer: consumerOn(row, alone, "alone", parts) }];
}

function modeOf(row: Consumer): QueueMode {
  if (row.scope === "instance") return "instance";
  if (isQueries(row)) return "query";
  return isOrdered(row) ? "ordered" : "work";
}

function consumerOn(row: Consumer, queue: string, mode: QueueMode, parts: Parts): QueueConsumer {
  const { options, topology, metrics, confirmed, replies, consuming } = parts;
  const log = options.log.child({ queue });
  const declare = (channel: Channel, name: string): Promise<void> =>
    mode === "instance"
      ? declareInstanceQueue(channel, row, name)
      : declareTopology(channel, rowTopology(row, topology));
  const process = processing({
    row,
    mode,
    queue,
    service: options.service,
    mover: mover(confirmed, options.service, topology.ladderMs),
    sendReply: replies.send,
    dependencies: [...row.dependencies, brokerDependency(confirmed)],
    inPlaceMs: topology.ladderMs.map((ms) => Math.min(ms, IN_PLACE_MAX_MS)),
    metrics,
    log,
  });
  return new QueueConsumer({ connection: consuming, row, mode, queue, declare, process, metrics, log });
}

/** The broker as publisher: a handler that cannot emit its events waits instead of spending attempts. */
const brokerDependency = (confirmed: ConfirmedPublisher): Dependency => ({
  name: "broker",
  isDown: (error) => saysUnavailable(error, "broker"),
  answers: async () => confirmed.isReady,
});

/** Any service that answers queries answers this one, from `messaging` itself. */
const serviceDependency = (service: ServiceName, requester: Requester): Dependency => ({
  name: service,
  isDown: (error) => saysUnavailable(error, service),
  answers: () => ping(service, requester),
});
