import { Counter, Gauge, type GaugeConfiguration, Histogram, type Registry } from "prom-client";
import { CredentialState } from "@strata/contracts";
import type { ChunkStore } from "./store/chunk-store.ts";
import type { CredentialStore } from "./store/credential-store.ts";

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

const MS = 1_000;

/** What an operator sees of all apps' credentials together; each replica tells the same. */
export function credentialMetrics(
  registry: Registry,
  credentials: Pick<CredentialStore, "countByState" | "countNotSealedWith">,
  currentPrefix: string,
): void {
  const gauge = <T extends string>(options: GaugeConfiguration<T>): void =>
    registry.registerMetric(new Gauge({ ...options, registers: [] }));
  // While MongoDB is away the last numbers stay, as above.
  const countsByKind = async (now: number) => {
    const counts = await credentials.countByState(now).catch(() => null);
    return counts && Map.groupBy(counts, ({ kind }) => kind);
  };
  gauge({
    name: "push_delivery_credential_state",
    help: "Push credentials of all apps by kind and state",
    labelNames: ["kind", "state"],
    async collect() {
      const byKind = await countsByKind(Date.now());
      if (byKind === null) return;
      this.reset();
      for (const [kind, counts] of byKind) {
        // A state that none is in is 0, so that an alarm on it ends.
        for (const state of CredentialState.options) this.set({ kind, state }, 0);
        for (const { state, n } of counts) this.set({ kind, state }, n);
      }
    },
  });
  gauge({
    name: "push_delivery_credential_expiry_seconds",
    help: "Time until the first credential of a kind ends; negative once it has. Absent where none says when",
    labelNames: ["kind"],
    async collect() {
      const now = Date.now();
      const byKind = await countsByKind(now);
      if (byKind === null) return;
      this.reset();
      for (const [kind, counts] of byKind) {
        const ends = counts.flatMap(({ soonestExpiry }) => soonestExpiry ?? []);
        if (ends.length > 0) this.set({ kind }, (Math.min(...ends) - now) / MS);
      }
    },
  });
  gauge({
    name: "push_delivery_credentials_sealed_otherwise",
    help: "Push credentials that the current CREDENTIALS_KEY has not sealed; at 0 the former keys may go",
    async collect() {
      const n = await credentials.countNotSealedWith(currentPrefix).catch(() => null);
      if (n !== null) this.set(n);
    },
  });
}
