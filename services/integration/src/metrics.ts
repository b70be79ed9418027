import { Counter, type Registry } from "prom-client";

/** What an operator sees of calls, beside the queue metrics that every row has. */
export interface CallMetrics {
  /** Calls that were answered, or were not, by their type and what came of them. */
  readonly calls: Counter<"type" | "outcome">;
}

export const callMetrics = (registry: Registry): CallMetrics => ({
  calls: new Counter({
    name: "integration_webhook_calls_total",
    help: "Attempts to call backends, by type of call and what came of it",
    labelNames: ["type", "outcome"],
    registers: [registry],
  }),
});
