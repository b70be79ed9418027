import { laneQueue, queryQueue } from "@strata/contracts";
import type { Options } from "amqplib";
import type { Consumer } from "./consumer.ts";
import {
  aloneQueue,
  deadLetterQueue,
  eventLog,
  exchange,
  ladderQueue,
  orderedExchange,
  orderedQueue,
} from "./names.ts";
import { header } from "./delivery.ts";

export interface ExchangeDeclaration {
  readonly name: string;
  readonly type: string;
  readonly arguments?: Readonly<Record<string, unknown>>;
}
export interface QueueDeclaration {
  readonly name: string;
  readonly options: Options.AssertQueue;
}
export interface BindingDeclaration {
  readonly source: string;
  readonly destination: string;
  readonly kind: "queue" | "exchange";
  readonly pattern: string;
}
/** What must exist in the broker, as data. Declaring it again changes nothing. */
export interface Topology {
  readonly exchanges: readonly ExchangeDeclaration[];
  readonly queues: readonly QueueDeclaration[];
  readonly bindings: readonly BindingDeclaration[];
}

export interface TopologyOptions {
  readonly service: string;
  /** Delays of the retry ladder in ms, shortest first. */
  readonly ladderMs: readonly number[];
  /** Queues per ordered lane. */
  readonly orderedQueues: number;
}

const quorum = (args: Readonly<Record<string, unknown>>): Options.AssertQueue => ({
  durable: true,
  arguments: { "x-queue-type": "quorum", ...args },
});

/** Reaching the limit needs twenty dying consumers; it is the broker's last net below our own alone queue. */
const DELIVERY_LIMIT = 20;

/** Dead-letters at least once: without reject-publish RabbitMQ silently falls back to at most once. */
const deadLettersTo = (routingKey: string | undefined) => ({
  "x-dead-letter-exchange": "",
  ...(routingKey === undefined ? {} : { "x-dead-letter-routing-key": routingKey }),
  "x-dead-letter-strategy": "at-least-once",
  "x-overflow": "reject-publish",
});

const workQueue = (name: string, lane: string, extra: Readonly<Record<string, unknown>> = {}): QueueDeclaration => ({
  name,
  options: quorum({ "x-delivery-limit": DELIVERY_LIMIT, ...deadLettersTo(deadLetterQueue(lane)), ...extra }),
});

/** A queue of events may never refuse one: a publisher must not stand still because a subscriber does. */
const eventQueue = ({ queue: name, isInOrder }: Consumer): QueueDeclaration => ({
  name,
  options: quorum({
    ...(isInOrder ? { "x-single-active-consumer": true } : {}),
    "x-delivery-limit": DELIVERY_LIMIT,
    "x-dead-letter-exchange": "",
    "x-dead-letter-routing-key": deadLetterQueue(name),
  }),
});

/** Where a lane's poison goes, and where suspects are tried one at a time first. */
const sideQueuesOf = (lane: string): readonly QueueDeclaration[] => [
  { name: deadLetterQueue(lane), options: quorum({}) },
  workQueue(aloneQueue(lane), lane),
];

/** The exchanges everybody uses, and the stream that keeps every event for a day and a half. */
export const commonTopology: Topology = {
  exchanges: Object.values(exchange).map((name) => ({ name, type: "topic" })),
  queues: [
    {
      name: eventLog,
      options: {
        durable: true,
        arguments: {
          "x-queue-type": "stream",
          "x-max-age": "36h",
          "x-max-length-bytes": 20_000_000_000,
          "x-stream-max-segment-size-bytes": 100_000_000,
        },
      },
    },
  ],
  bindings: [{ source: exchange.events, destination: eventLog, kind: "queue", pattern: "#" }],
};

/** The retry ladder of one service. A message enters a rung under its queue's name and falls back to that queue. */
export function ladder({ service, ladderMs }: TopologyOptions): Topology {
  const rungs = ladderMs.map((ms) => ({ name: ladderQueue(service, ms), ms }));
  return {
    // One fanout exchange a rung keeps the routing key free to say where the message falls back to.
    exchanges: rungs.map(({ name }) => ({ name, type: "fanout" })),
    queues: rungs.map(({ name, ms }) => ({
      name,
      options: quorum({ "x-message-ttl": ms, ...deadLettersTo(undefined) }),
    })),
    bindings: rungs.map(({ name }) => ({ source: name, destination: name, kind: "queue" as const, pattern: "" })),
  };
}

export const isOrdered = (row: Consumer): boolean =>
  row.handlers.some(({ contract }) => contract.kind === "command" && contract.isOrdered);

export const isQueries = (row: Consumer): boolean => row.handlers.some(({ contract }) => contract.kind === "query");

/** The queues a row is consumed from. */
export const queuesOf = (row: Consumer, { orderedQueues }: Pick<TopologyOptions, "orderedQueues">): readonly string[] =>
  isOrdered(row) ? Array.from({ length: orderedQueues }, (_, n) => orderedQueue(row.queue, n)) : [row.queue];

function commandRow(row: Consumer, options: TopologyOptions): Topology {
  const sideQueues = sideQueuesOf(row.queue);
  if (!isOrdered(row)) {
    return {
      exchanges: [],
      queues: [...sideQueues, workQueue(row.queue, row.queue)],
      bindings: [{ source: exchange.commands, destination: row.queue, kind: "queue", pattern: row.queue }],
    };
  }
  const hash = orderedExchange(row.queue);
  const queues = queuesOf(row, options);
  return {
    exchanges: [{ name: hash, type: "x-consistent-hash", arguments: { "hash-header": header.orderKey } }],
    queues: [...sideQueues, ...queues.map((name) => workQueue(name, row.queue, { "x-single-active-consumer": true }))],
    bindings: [
      { source: exchange.commands, destination: hash, kind: "exchange", pattern: row.queue },
      // The pattern of a consistent-hash binding is its weight.
      ...queues.map((name) => ({ source: hash, destination: name, kind: "queue" as const, pattern: "1" })),
    ],
  };
}

const queryRow = (row: Consumer, { service }: TopologyOptions): Topology => ({
  exchanges: [],
  queues: [{ name: row.queue, options: { durable: true } }],
  bindings: [{ source: exchange.queries, destination: row.queue, kind: "queue", pattern: service }],
});

const eventRow = (row: Consumer): Topology => ({
  exchanges: [],
  queues: [...sideQueuesOf(row.queue), eventQueue(row)],
  bindings: eventBindings(row, row.queue),
});

/** One binding per event type, whatever the app. */
export const eventBindings = (row: Consumer, queue: string): readonly BindingDeclaration[] =>
  row.handlers.map(({ contract }) => ({
    source: exchange.events,
    destination: queue,
    kind: "queue",
    pattern: `${contract.type}.*`,
  }));

/** Everything one row needs; rows of scope `instance` declare their queue when they consume. */
export function rowTopology(row: Consumer, options: TopologyOptions): Topology {
  if (row.scope === "instance") return { exchanges: [], queues: [], bindings: [] };
  if (isQueries(row)) return queryRow(row, options);
  return row.handlers.some(({ contract }) => contract.kind === "command") ? commandRow(row, options) : eventRow(row);
}

/** All that a service declares: the common part, its ladder, and its rows. */
export function topologyOf(rows: readonly Consumer[], options: TopologyOptions): Topology {
  const parts = [commonTopology, ladder(options), ...rows.map((row) => rowTopology(row, options))];
  return {
    exchanges: parts.flatMap(({ exchanges }) => exchanges),
    queues: parts.flatMap(({ queues }) => queues),
    bindings: parts.flatMap(({ bindings }) => bindings),
  };
}

/** The queue name a row must have, from what it handles. */
export function expectedQueue(row: Consumer): string | null {
  const contract = row.handlers[0]?.contract;
  if (contract?.kind === "command") return laneQueue(contract);
  return contract?.kind === "query" ? queryQueue(contract.service) : null;
}
