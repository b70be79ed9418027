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
/** A suspect that takes long, or waits for a dependency, holds up the start no longer than this. */
const SUSPECTS_DEADLINE_MS = 10_000;

export async function consume(rows: readonly Consumer[], parts: ConsumptionParts): Promise<Closable> {
  const { service, topology, connection, readiness, catalogue } = parts;
  const faults = faultsOf(service, rows, catalogue);
  if (faults.length > 0) throw new Error(`this service would lose or misread messages:\n${faults.join("\n")}`);

  await connection.once("declare", (channel) => declareTopology(channel, topologyOf(rows, topology)));
  await untilConsumersExist(parts);

  const consumed: ConsumedQueues[] = [];
  const deadlineAt = Date.now() + START_DEADLINE_MS;
  const areUp = async (opened: readonly ConsumedQueues[]): Promise<void> => {
    consumed.push(...opened);
    for (const { name, isLive } of opened) readiness.add(`consumes ${name}`, isLive);
    await Promise.all(opened.map(({ started }) => started(deadlineAt)));
  };
  const lanes = rows.filter(isLane);
  const others = rows.filter((row) => !isLane(row));
  await areUp(others.map((row) => singleQueue(row.queue, consumerOn(row, row.queue, modeOf(row), parts))));
  // Suspects first. One that kills us then has no neighbour in our hands, and one that does not is done with, where it
  // would else wait for its turn in our hands and take the blame for whatever kills us meanwhile.
  const areThere = await haveMessages(connection, lanes);
  const opened = lanes.map((row) => suspectsOf(row, parts));
  await areUp(opened.map(({ suspects }) => suspects));
  if (areThere) await untilTried(opened, lanes, parts);
  await areUp(opened.map(({ openLane }) => openLane()));
  return {
    async close() {
      await Promise.all(consumed.map((queues) => queues.close()));
    },
  };
}

/** What is answered or forgotten is tried once, and own copies end with their process. */
const isLane = (row: Consumer): boolean => modeOf(row) === "work" || modeOf(row) === "ordered";

/** Whether suspects of any of these rows wait to be tried. */
async function haveMessages(connection: Connection, rows: readonly Consumer[]): Promise<boolean> {
  const counts = await connection.once("look for suspects", (channel) =>
    Promise.all(rows.map(async ({ queue }) => (await channel.checkQueue(aloneQueue(queue))).messageCount)),
  );
  return counts.some((count) => count > 0);
}

/** Resolves once no suspect waits and none is in hand here, or is told to wait no longer. */
async function untilTried(
  opened: readonly Suspects[],
  rows: readonly Consumer[],
  { connection, closing, log }: ConsumptionParts,
): Promise<void> {
  const deadlineAt = Date.now() + SUSPECTS_DEADLINE_MS;
  while (Date.now() < deadlineAt && !closing.aborted) {
    await pause(CALM_MS, closing);
    if (opened.every(({ areTried }) => areTried()) && !(await haveMessages(connection, rows))) return;
  }
  log.warn("suspects are still being tried; consuming begins beside them");
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

/** Where the suspects of a lane are tried, and the lane itself, which is opened behind them. */
interface Suspects {
  readonly suspects: ConsumedQueues;
  /** True while none is in hand here. */
  readonly areTried: () => boolean;
  readonly openLane: () => ConsumedQueues;
}

function suspectsOf(row: Consumer, parts: ConsumptionParts): Suspects {
  const alone = aloneQueue(row.queue);
  let lane: ConsumedQueues | null = null;
  const consumer = consumerOn(row, alone, "alone", parts, () => lane?.hasSuspects() ?? false);
  return {
    suspects: singleQueue(alone, consumer),
    areTried: () => consumer.isIdle,
    openLane: () => (lane = laneOf(row, parts)),
  };
}

function laneOf(row: Consumer, parts: ConsumptionParts): ConsumedQueues {
  const mode = modeOf(row);
  if (mode !== "ordered") return singleQueue(row.queue, consumerOn(row, row.queue, mode, parts));
  return sharedQueues({
    lane: row.queue,
    queues: queuesOf(row, parts.topology),
    replicas: parts.replicas,
    open: (queue) => consumerOn(row, queue, mode, parts),
    log: parts.log,
  });
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
  (hasSuspects: () => boolean, process: Process): Process =>
  async (taken, intake) => {
    do await pause(CALM_MS, intake.closing);
    while (hasSuspects() && !intake.closing.aborted);
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
  hasSuspects?: () => boolean,
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
    process: hasSuspects ? whileCalm(hasSuspects, process) : process,
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
