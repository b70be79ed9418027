import { setTimeout as wait } from "node:timers/promises";
import { type AnyContract, eventsOf, type ServiceName } from "@strata/contracts";
import type { Closable, Dependency, Logger, Readiness } from "@strata/runtime";
import type { Channel } from "amqplib";
import type { ConfirmedPublisher } from "./confirmed-publisher.ts";
import type { Connection } from "./connection.ts";
import type { Consumer } from "./consumer.ts";
import { declareTopology } from "./declare.ts";
import { saysUnavailable } from "./errors.ts";
import { declareInstanceQueue } from "./instance-queue.ts";
import type { MessagingMetrics } from "./metrics.ts";
import { aloneQueue } from "./names.ts";
import { pause } from "./pause.ts";
import { processing } from "./processing.ts";
import { faultsOf } from "./proofs.ts";
import { type Process, QueueConsumer } from "./queue-consumer.ts";
import type { QueueMode } from "./queue-mode.ts";
import type { Replies } from "./replies.ts";
import type { LiveReplicas } from "./replicas.ts";
import { mover } from "./settlement.ts";
import { type ConsumedQueues, sharedQueues } from "./shared-queues.ts";
import { isOrdered, isQueries, ladder, queuesOf, rowTopology, type TopologyOptions, topologyOf } from "./topology.ts";

/** What consuming needs of the broker that it belongs to. */
export interface ConsumptionParts {
  readonly service: ServiceName;
  readonly log: Logger;
  readonly readiness: Readiness;
  readonly catalogue: readonly AnyContract[] | undefined;
  readonly replicas: LiveReplicas;
  readonly topology: TopologyOptions;
  readonly holdMaxMs: number;
  readonly metrics: MessagingMetrics;
  readonly connection: Connection;
  readonly confirmed: ConfirmedPublisher;
  readonly replies: Replies;
  /** Aborted when the broker is closed. */
  readonly closing: AbortSignal;
}

/** An ordered lane waits in place and holds up what is behind it, so its patience ends sooner. */
const IN_PLACE_MAX_MS = 10_000;
/** A broker that is slow to make the queues of many services at once is no reason to die and have them all made again. */
const START_DEADLINE_MS = 120_000;
const CONSUMERS_POLL_MS = 250;
/** Longer than the broker takes to hand a new consumer what waits for it. */
const CALM_MS = 200;

export async function consume(rows: readonly Consumer[], parts: ConsumptionParts): Promise<Closable> {
  const { service, topology, connection, readiness, catalogue } = parts;
  const faults = faultsOf(service, rows, catalogue);
  if (faults.length > 0) throw new Error(`this service would lose or misread messages:\n${faults.join("\n")}`);

  await connection.once("declare", (channel) => declareTopology(channel, topologyOf(rows, topology)));
  await untilConsumersExist(parts);

  const consumed = rows.flatMap((row) => consumedQueues(row, parts));
  for (const { name, isLive } of consumed) readiness.add(`consumes ${name}`, isLive);
  await Promise.all(consumed.map(({ started }) => started(Date.now() + START_DEADLINE_MS)));
  return {
    async close() {
      await Promise.all(consumed.map((queues) => queues.close()));
    },
  };
}

/**
 * Our events reach only queues that exist. A queue named in an event's `consumedBy` is made by its own service, so we
 * publish nothing before that service has been started once.
 */
async function untilConsumersExist(parts: ConsumptionParts): Promise<void> {
  const { service, log, catalogue, readiness, connection, closing } = parts;
  const needed = new Set(
    (catalogue ?? eventsOf(service)).flatMap((contract) =>
      contract.kind === "event" && contract.producer === service ? contract.consumedBy : [],
    ),
  );
  let missing: readonly string[] = [...needed];
  readiness.add("event consumers exist", () => missing.length === 0);
  for (let round = 0; missing.length > 0; round += 1) {
    const checks = await Promise.all(
      missing.map(async (queue) => ({ queue, exists: await exists(connection, queue) })),
    );
    missing = checks.filter((check) => !check.exists).map(({ queue }) => queue);
    if (missing.length === 0) return;
    if (round % 20 === 0) log.info("waiting for the queues of other services", { missing });
    await wait(CONSUMERS_POLL_MS, undefined, { signal: closing });
  }
}

/** A passive declare of a missing queue closes its channel, so every look has a channel of its own. */
async function exists(connection: Connection, queue: string): Promise<boolean> {
  try {
    await connection.once(`look for ${queue}`, (channel) => channel.checkQueue(queue));
    return true;
  } catch {
    // Missing, or out of sight for now: either way it is looked for again.
    return false;
  }
}

function consumedQueues(row: Consumer, parts: ConsumptionParts): readonly ConsumedQueues[] {
  const mode = modeOf(row);
  if (mode === "instance" || mode === "query") return [singleQueue(row.queue, consumerOn(row, row.queue, mode, parts))];
  const main =
    mode === "ordered"
      ? sharedQueues({
          lane: row.queue,
          queues: queuesOf(row, parts.topology),
          replicas: parts.replicas,
          open: (queue) => consumerOn(row, queue, mode, parts),
          log: parts.log,
        })
      : singleQueue(row.queue, consumerOn(row, row.queue, mode, parts));
  const alone = aloneQueue(row.queue);
  return [main, singleQueue(alone, consumerOn(row, alone, "alone", parts, main))];
}

const singleQueue = (name: string, consumer: QueueConsumer): ConsumedQueues => ({
  name,
  isLive: () => consumer.isLive,
  hasSuspects: () => consumer.hasSuspects,
  started: (deadlineAt) => consumer.started(deadlineAt),
  close: () => consumer.close(),
});

/**
 * Tries a suspect only while its lane has none in hand in this process. If it kills us, its former neighbours are then
 * not in our hands once more, or they would become as suspect as itself.
 */
const whileCalm =
  (lane: ConsumedQueues, process: Process): Process =>
  async (taken, intake) => {
    do await pause(CALM_MS, intake.closing);
    while (lane.hasSuspects() && !intake.closing.aborted);
    if (!intake.closing.aborted) await process(taken, intake);
  };

function modeOf(row: Consumer): QueueMode {
  if (row.scope === "instance") return "instance";
  if (isQueries(row)) return "query";
  return isOrdered(row) ? "ordered" : "work";
}

function consumerOn(
  row: Consumer,
  queue: string,
  mode: QueueMode,
  parts: ConsumptionParts,
  lane?: ConsumedQueues,
): QueueConsumer {
  const { service, topology, metrics, confirmed, replies, connection } = parts;
  const log = parts.log.child({ queue });
  const process = processing({
    row,
    mode,
    queue,
    service,
    mover: mover(confirmed, service, topology.ladderMs),
    sendReply: replies.send,
    dependencies: [...row.dependencies, brokerDependency(confirmed)],
    inPlaceMs: topology.ladderMs.map((ms) => Math.min(ms, IN_PLACE_MAX_MS)),
    metrics,
    log,
  });
  return new QueueConsumer({
    connection,
    row,
    mode,
    queue,
    declare: declarationOf(row, mode, topology),
    process: lane ? whileCalm(lane, process) : process,
    holdMaxMs: parts.holdMaxMs,
    metrics,
    log,
  });
}

/** What a consumer makes anew when it has lost its channel: the row, and the ladder where deliveries go down one. */
function declarationOf(row: Consumer, mode: QueueMode, topology: TopologyOptions) {
  return async (channel: Channel, queue: string): Promise<void> => {
    if (mode === "instance") return declareInstanceQueue(channel, row, queue);
    if (mode === "work" || mode === "alone") await declareTopology(channel, ladder(topology));
    await declareTopology(channel, rowTopology(row, topology));
  };
}

/** The broker as publisher: a handler that cannot emit its events waits instead of spending attempts. */
const brokerDependency = (confirmed: ConfirmedPublisher): Dependency => ({
  name: "broker",
  isDown: (error) => saysUnavailable(error, "broker"),
  answers: async () => confirmed.isReady,
});
