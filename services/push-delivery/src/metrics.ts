import { Counter, Gauge, Histogram, type Registry } from "prom-client";
import type { ChunkStore } from "./store/chunk-store.ts";

/** What an operator sees of pushes, beside the queue metrics that every row has. */
export interface PushMetrics {
  /**
   * Answers about pushes, by kind of subject, kind of token and what they mean: one push may have several until it is
   * settled.
   */
  readonly pushes: Counter<"subject" | "kind" | "result">;
  /** Pushes to one device each that a policy skipped or has wait, by kind of subject and policy. */
  readonly decided: Counter<"subject" | "policy" | "decision">;
  readonly sendSeconds: Histogram<"provider">;
}

export function pushMetrics(registry: Registry, chunks: Pick<ChunkStore, "countPending">): PushMetrics {
  const pending = new Gauge({
    name: "push_delivery_pending_chunks",
    help: "Chunks with pushes that are under way or have to wait; parked: for a credential to be put right",
    labelNames: ["state"],
    registers: [registry],
    async collect() {
      // While MongoDB is away the last numbers stay: the other metrics are wanted then more than ever.
      const counts = await chunks.countPending().catch(() => null);
      if (counts === null) return;
      pending.set({ state: "parked" }, counts.parked);
      pending.set({ state: "waiting" }, counts.waiting - counts.parked);
    },
  });
  return {
    pushes: new Counter({
      name: "push_delivery_pushes_total",
      help: "Answers about pushes, by kind of subject, kind of token and result",
      labelNames: ["subject", "kind", "result"],
      registers: [registry],
    }),
    decided: new Counter({
      name: "push_delivery_decided_total",
      help: "Pushes that a policy skipped or has wait, by kind of subject, policy and decision (skip, wait)",
      labelNames: ["subject", "policy", "decision"],
      registers: [registry],
    }),
    sendSeconds: new Histogram({
      name: "push_delivery_send_seconds",
      help: "How long a provider took for one send of at most 1,000 pushes",
      labelNames: ["provider"],
      buckets: [0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30],
      registers: [registry],
    }),
  };
}
