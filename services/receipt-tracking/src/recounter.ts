import { type AnnouncementReceiptKind, compareUserIds } from "@strata/contracts";
import { type Closable, type Logger, workOffDue } from "@strata/runtime";
import { countDistinct } from "./domain/count-distinct.ts";
import { parseCountKey, partitionRange } from "./domain/receipt-key.ts";
import { leaseKept } from "./lease-kept.ts";
import type { ReceiptMetrics } from "./metrics.ts";
import { type InsightDeps, recountInsight } from "./recount-insight.ts";
import { type RedrawDeps, redrawTimeline } from "./redraw.ts";
import type { CountStore } from "./store/count-store.ts";
import type { Leased } from "./store/dirty-rows.ts";
import type { ReceiptStore } from "./store/receipt-store.ts";
import type { TimelineStore } from "./store/timeline-store.ts";

interface Dependencies {
  readonly receipts: ReceiptStore;
  readonly counts: CountStore;
  readonly timelines: TimelineStore;
  readonly metrics: ReceiptMetrics;
}

/** How many rows one process counts at once; most of a small count is waiting for MongoDB. */
const CONCURRENCY = 4;
/** A count that takes long is repeated less often, so that an audience of millions does not count itself all day. */
const REST_PER_COST = 10;

/** A timeline is drawn so many intervals after it was marked: receipts come in bursts, and each drawing reads all of them. */
const QUIET_INTERVALS = 5;

/** Whoever has one of these has it delivered. */
const DELIVERED_BY = ["delivered", "read", "opened"] as const;

/**
 * Counts one leased row anew from its receipts. Its timeline takes longer, so it is only marked here, and derived at a
 * pace of its own.
 */
export async function recount(
  { receipts, counts, timelines, metrics }: Dependencies,
  leased: Leased,
  intervalMs: number,
) {
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
  // Before the counts are clean: nothing else would say that there is a timeline to derive.
  await timelines.markDirty([leased.key], QUIET_INTERVALS * intervalMs);
  await counts.store(
    leased,
    { delivered, read: read?.n ?? 0, opened: opened?.n ?? 0, deleted: deleted.n },
    Math.max(intervalMs, REST_PER_COST * costMs),
  );
}

/**
 * Counts dirty rows again, in the background, for as long as the service lives, redraws timelines behind it, and sums up
 * insights behind those. Every
 * replica may: a row is derived by whoever takes its lease. A failure is logged and its row taken again when the lease
 * has run out.
 */
export function startRecounter(
  options: Dependencies & RedrawDeps & InsightDeps & { readonly log: Logger; readonly intervalMs: number },
): Closable {
  const { counts, timelines, insights, log, intervalMs } = options;
  const counting = workOffDue({
    everyMs: intervalMs,
    workers: CONCURRENCY,
    claim: () => counts.takeDue(),
    work: (leased) => recount(options, leased, intervalMs),
    log,
  });
  const redrawing = workOffDue({
    everyMs: intervalMs,
    workers: 2,
    claim: () => timelines.takeDue(),
    work: (leased) => redrawTimeline(options, leased, intervalMs),
    log,
  });
  const summing = workOffDue({
    everyMs: intervalMs,
    workers: 1,
    claim: () => insights.takeDue(),
    work: (leased) => recountInsight(options, leased, intervalMs),
    log,
  });
  return {
    async close() {
      await Promise.all([counting.close(), redrawing.close(), summing.close()]);
    },
  };
}
