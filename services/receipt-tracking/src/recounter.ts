import { setTimeout as wait } from "node:timers/promises";
import { type AnnouncementReceiptKind, compareUserIds } from "@strata/contracts";
import type { Closable, Logger } from "@strata/runtime";
import { countDistinct } from "./domain/count-distinct.ts";
import { parseCountKey, partitionRange } from "./domain/receipt-key.ts";
import type { ReceiptMetrics } from "./metrics.ts";
import { type CountStore, LEASE_MS, type Leased } from "./store/count-store.ts";
import type { ReceiptStore } from "./store/receipt-store.ts";

interface Dependencies {
  readonly receipts: ReceiptStore;
  readonly counts: CountStore;
  readonly metrics: ReceiptMetrics;
}

/** How many rows one process counts at once; most of a small count is waiting for MongoDB. */
const CONCURRENCY = 4;
/** A count that takes long is repeated less often, so that an audience of millions does not count itself all day. */
const REST_PER_COST = 10;

/** Whoever has one of these has it delivered. */
const DELIVERED_BY = ["delivered", "read", "opened"] as const;

/** Counts one leased row anew from its receipts. */
export async function recount({ receipts, counts, metrics }: Dependencies, leased: Leased, intervalMs: number) {
  const startedAt = performance.now();
  const key = parseCountKey(leased.key);
  const countOf = async (kind: AnnouncementReceiptKind) => ({
    kind,
    n: await receipts.count(partitionRange(key, kind)),
  });
  const [deleted, ...proofs] = await Promise.all([countOf("deleted"), ...DELIVERED_BY.map(countOf)]);
  // Whose kind stands alone cannot be counted twice. Only where there are several do user ids have to be looked at.
  const present = proofs.filter(({ n }) => n > 0);
  const streams = present.map(({ kind }) => leaseKept(receipts.userIds(partitionRange(key, kind)), leased, counts));
  const delivered = present.length > 1 ? await countDistinct(streams, compareUserIds) : (present[0]?.n ?? 0);
  const costMs = performance.now() - startedAt;
  metrics.recountSeconds.observe(costMs / 1000);
  const [, read, opened] = proofs;
  await counts.store(
    leased,
    { delivered, read: read?.n ?? 0, opened: opened?.n ?? 0, deleted: deleted.n },
    Math.max(intervalMs, REST_PER_COST * costMs),
  );
}

/** The same pages, with the lease renewed on the way; another process counts on where it was lost. */
async function* leaseKept<T>(pages: AsyncIterable<T>, leased: Leased, counts: CountStore): AsyncIterable<T> {
  let renewedAt = Date.now();
  for await (const page of pages) {
    if (Date.now() - renewedAt > LEASE_MS / 2) {
      renewedAt = Date.now();
      if (!(await counts.renew(leased))) throw new Error(`the lease on ${leased.key} was lost while counting`);
    }
    yield page;
  }
}

/**
 * Counts dirty rows again, in the background, for as long as the service lives. Every replica may: a row is counted by
 * whoever takes its lease. A failure is logged and its row taken again when the lease has run out.
 */
export function startRecounter(
  options: Dependencies & { readonly log: Logger; readonly intervalMs: number },
): Closable {
  const { counts, log, intervalMs } = options;
  const closing = new AbortController();

  const countWhatIsDue = async (): Promise<void> => {
    while (!closing.signal.aborted) {
      const leased = await counts.takeDue();
      if (!leased) return;
      await recount(options, leased, intervalMs);
    }
  };
  const run = async (): Promise<void> => {
    while (!closing.signal.aborted) {
      const results = await Promise.allSettled(Array.from({ length: CONCURRENCY }, countWhatIsDue));
      for (const result of results) {
        if (result.status === "rejected") log.warn("receipts could not be counted", { error: result.reason });
      }
      // Called off by closing.
      await wait(intervalMs, undefined, { signal: closing.signal }).catch(() => undefined);
    }
  };

  const running = run();
  return {
    async close() {
      closing.abort();
      await running;
    },
  };
}
