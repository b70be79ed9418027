import { Counter, Gauge, Histogram, type Registry } from "prom-client";

/** What every process reports of its messaging. Labels name queues and outcomes, never ids. */
export interface MessagingMetrics {
  readonly confirmSeconds: Histogram;
  readonly unconfirmed: Gauge;
  readonly unroutable: Counter;
  readonly deliveries: Counter<"queue" | "outcome">;
  readonly redeliveries: Counter<"queue">;
  readonly handlerSeconds: Histogram<"queue">;
  readonly queuedSeconds: Histogram<"queue">;
  readonly groupSize: Histogram<"queue">;
  readonly paused: Gauge<"queue" | "dependency">;
  readonly requests: Counter<"type" | "result">;
}

const SECONDS = [0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30];

/** Registers the metrics of messaging; once per process. */
export function messagingMetrics(registry: Registry): MessagingMetrics {
  const registers = [registry];
  return {
    confirmSeconds: new Histogram({
      name: "messaging_publish_confirm_seconds",
      help: "From publish to the broker's confirm",
      buckets: SECONDS,
      registers,
    }),
    unconfirmed: new Gauge({
      name: "messaging_unconfirmed_messages",
      help: "Published and not confirmed yet",
      registers,
    }),
    unroutable: new Counter({
      name: "messaging_unroutable_total",
      help: "Messages that no queue took",
      registers,
    }),
    deliveries: new Counter({
      name: "messaging_deliveries_total",
      help: "Deliveries by what became of them",
      labelNames: ["queue", "outcome"],
      registers,
    }),
    redeliveries: new Counter({
      name: "messaging_redeliveries_total",
      help: "Deliveries that a consumer had before and did not finish",
      labelNames: ["queue"],
      registers,
    }),
    handlerSeconds: new Histogram({
      name: "messaging_handler_seconds",
      help: "Handler duration, a group counting once",
      labelNames: ["queue"],
      buckets: SECONDS,
      registers,
    }),
    queuedSeconds: new Histogram({
      name: "messaging_queued_seconds",
      help: "From publish to the start of its handler",
      labelNames: ["queue"],
      buckets: SECONDS,
      registers,
    }),
    groupSize: new Histogram({
      name: "messaging_group_deliveries",
      help: "Deliveries handled together",
      labelNames: ["queue"],
      buckets: [1, 2, 5, 10, 20, 50, 100, 200, 500, 1000],
      registers,
    }),
    paused: new Gauge({
      name: "messaging_paused_info",
      help: "1 while a queue is not consumed because a dependency is down",
      labelNames: ["queue", "dependency"],
      registers,
    }),
    requests: new Counter({
      name: "messaging_requests_total",
      help: "Requests and queries sent, by result",
      labelNames: ["type", "result"],
      registers,
    }),
  };
}
