import { Counter, Histogram, type Registry } from "prom-client";

/** What an operator sees of receipts, beside the queue metrics that every row has. */
export interface ReceiptMetrics {
  /** Facts taken in, by what became of them: `recorded`, `known` (somebody was first), `not_recipient`. */
  readonly receipts: Counter<"result">;
  readonly recountSeconds: Histogram;
  /** Kept unread counts that were compared with MongoDB, by `equal` or `different`: the latter should never be. */
  readonly unreadDrift: Counter<"result">;
}

export const receiptMetrics = (registry: Registry): ReceiptMetrics => ({
  receipts: new Counter({
    name: "receipt_tracking_receipts_total",
    help: "Receipts taken in, by result",
    labelNames: ["result"],
    registers: [registry],
  }),
  recountSeconds: new Histogram({
    name: "receipt_tracking_recount_seconds",
    help: "How long counting one partition of one announcement took",
    buckets: [0.005, 0.02, 0.1, 0.5, 2, 10],
    registers: [registry],
  }),
  unreadDrift: new Counter({
    name: "receipt_tracking_unread_drift_total",
    help: "Unread counts in Redis that were compared with what they are copies of, by result",
    labelNames: ["result"],
    registers: [registry],
  }),
});
