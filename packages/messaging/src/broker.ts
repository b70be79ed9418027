import { setTimeout as wait } from "node:timers/promises";
import type { AnyContract, ServiceName } from "@strata/contracts";
import type { Closable, Dependency, Logger, Readiness } from "@strata/runtime";
import type { Registry } from "prom-client";
import { confirmedPublisher } from "./confirmed-publisher.ts";
import { openConnection } from "./connection.ts";
import type { Consumer } from "./consumer.ts";
import { consume } from "./consumption.ts";
import { declareTopology } from "./declare.ts";
import { saysUnavailable } from "./errors.ts";
import { messagingMetrics } from "./metrics.ts";
import { ORDERED_QUEUES } from "./names.ts";
import { ping } from "./ping.ts";
import { type Client, clientOver, type Publisher, publisherOver } from "./publisher.ts";
import { openReplies } from "./replies.ts";
import { type LiveReplicas, onlyReplica } from "./replicas.ts";
import { openRequester, type Requester } from "./requester.ts";
import { commonTopology } from "./topology.ts";

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
  /** How long a pause keeps its deliveries in hand; default 15 min. Shorter than the broker waits for acknowledgements. */
  readonly holdMaxMs?: number;
  /** Who shares the queues of ordered lanes with us; default: every replica subscribes to all of them. */
  readonly replicas?: LiveReplicas;
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
/** RabbitMQ takes deliveries back after 30 minutes unacknowledged, channel and all; a pause gives them back before that. */
const HOLD_MAX_MS = 15 * 60_000;
/** How long confirms on their way are waited for at the end. */
const FLUSH_DEADLINE_MS = 5_000;

/** Opens the three connections (publish, consume, requests). Throws when the broker cannot be reached at the start. */
export async function openBroker(options: BrokerOptions): Promise<Broker> {
  const { url, service, log, readiness } = options;
  const metrics = messagingMetrics(options.metrics);
  const [publishing, consuming, requesting] = await Promise.all(
    ["publish", "consume", "request"].map((purpose) => openConnection(url, `${service} ${purpose}`, log)),
  );
  if (!publishing || !consuming || !requesting) throw new Error("unreachable: three connections were asked for");
  const closing = new AbortController();
  const confirmed = confirmedPublisher(publishing, "publish", metrics, (channel) =>
    declareTopology(channel, commonTopology),
  );
  const requester = openRequester(requesting, metrics);
  const parts = {
    service,
    log,
    readiness,
    catalogue: options.catalogue,
    replicas: options.replicas ?? onlyReplica,
    topology: {
      service,
      ladderMs: options.ladderMs ?? LADDER_MS,
      orderedQueues: options.orderedQueues ?? ORDERED_QUEUES,
    },
    holdMaxMs: options.holdMaxMs ?? HOLD_MAX_MS,
    metrics,
    connection: consuming,
    confirmed,
    replies: openReplies(requesting),
    closing: closing.signal,
  };
  readiness.add("broker", () => confirmed.isReady && requester.isReady);
  return {
    ...publisherOver(confirmed, service),
    ...clientOver(requester, service),
    consume: (rows) => consume(rows, parts),
    dependsOn: (other) => serviceDependency(other, requester),
    async close() {
      closing.abort(new Error("the broker is closed"));
      await Promise.race([confirmed.flush(), wait(FLUSH_DEADLINE_MS, undefined, { ref: false })]);
      await Promise.all([publishing, consuming, requesting].map((connection) => connection.close()));
    },
  };
}

/** Any service that answers queries answers this one, from `messaging` itself. */
const serviceDependency = (service: ServiceName, requester: Requester): Dependency => ({
  name: service,
  isDown: (error) => saysUnavailable(error, service),
  answers: () => ping(service, requester),
});
