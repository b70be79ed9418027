import type { Dependency } from "@strata/runtime";
import type { Subscription } from "./subscription.ts";

/** Everything a service listens to on one queue. */
export interface Consumer {
  /** `<service>.<lane>`; on an ordered lane `.<n>` follows for each of its queues. */
  readonly queue: string;
  readonly handlers: readonly Subscription[];
  /** How many unacknowledged deliveries the broker hands out at once; the bound on memory. */
  readonly prefetch: number;
  /** How many deliveries (or groups) are handled at once. Ordered lanes always have one. */
  readonly concurrency: number;
  /**
   * Begins at most once in so many milliseconds with what has come meanwhile, sooner only when the prefetch is full: for what
   * nobody waits for, and what is much cheaper together. What comes after a rest begins at once.
   */
  readonly everyMs: number;
  /**
   * service: one durable queue shared by all replicas. instance: a queue per process, gone with it, bounded; for what
   * every process must hear.
   */
  readonly scope: "service" | "instance";
  /** service only, for events: one replica at a time takes what comes, so that it is handled in the order in which it came. */
  readonly isInOrder: boolean;
  /** instance only: something may have been missed (overflow, lost connection). Empty your caches. */
  readonly onGap: () => void;
  /** What must answer for these handlers to work; while one is down, consumption pauses and no attempt is counted. */
  readonly dependencies: readonly Dependency[];
}

/** Declares one queue with its handlers. Queue, bindings, dead-letter queue, metrics and drain come from the row. */
export const consumer = (
  row: Pick<Consumer, "queue" | "handlers"> & Partial<Omit<Consumer, "queue" | "handlers">>,
): Consumer => ({
  prefetch: 50,
  concurrency: row.handlers.some(({ takesGroups }) => takesGroups) ? 1 : (row.prefetch ?? 50),
  everyMs: 0,
  scope: "service",
  isInOrder: false,
  onGap: () => undefined,
  dependencies: [],
  ...row,
});
