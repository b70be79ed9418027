import { Counter, type Registry } from "prom-client";

/** What an operator sees of calls, beside the queue metrics that every row has. */
export interface CallMetrics {
  /** Calls that were answered, or were not, by their type and what came of them. */
  readonly calls: Counter<"type" | "outcome">;
  /** Questions before messages that were answered without a call. */
  readonly unasked: Counter<"reason">;
}

/** Why a backend was not asked: its app has as many questions under way as it may, or it has not answered lately. */
export type WhyUnasked = "too_many" | "circuit_open";

export const callMetrics = (registry: Registry): CallMetrics => ({
  calls: new Counter({
    name: "integration_webhook_calls_total",
    help: "Attempts to call backends, by type of call and what came of it",
    labelNames: ["type", "outcome"],
    registers: [registry],
  }),
  unasked: new Counter({
    name: "integration_questions_unasked_total",
    help: "Questions before messages that were answered without a call, by why no backend was asked",
    labelNames: ["reason"],
    registers: [registry],
  }),
});
