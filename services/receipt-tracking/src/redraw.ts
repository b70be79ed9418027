import { cohortSums } from "./domain/cohort.ts";
import { insightKey } from "./domain/insight-key.ts";
import { parseCountKey } from "./domain/receipt-key.ts";
import { minuteSums } from "./domain/timeline.ts";
import { timesOf } from "./domain/user-times.ts";
import { leaseKept } from "./lease-kept.ts";
import type { ActivityStore } from "./store/activity-store.ts";
import type { Leased } from "./store/dirty-rows.ts";
import type { InsightStore } from "./store/insight-store.ts";
import type { ReceiptStore } from "./store/receipt-store.ts";
import type { SentStore } from "./store/sent-store.ts";
import type { TimelineStore } from "./store/timeline-store.ts";

export interface RedrawDeps {
  readonly receipts: ReceiptStore;
  readonly timelines: TimelineStore;
  readonly sent: SentStore;
  readonly activity: ActivityStore;
  readonly insights: InsightStore;
}

/** A timeline reads every receipt of its partition, and nobody waits for it: all of an announcement's at most half the time. */
const REST_PER_COST = 128;

/**
 * Derives one leased timeline anew from its receipts, and with it what insights know of them: who was active, and what has
 * become of what was sent in which hour. What counts those is marked before the timeline is clean.
 */
export async function redrawTimeline(deps: RedrawDeps, leased: Leased, intervalMs: number): Promise<void> {
  const { receipts, timelines, sent, activity, insights } = deps;
  const startedAt = performance.now();
  const key = parseCountKey(leased.key);
  const { app } = key;
  const whenSent = await sent.ofPartition(key);
  const { category } = whenSent;
  const [minutes, cohorts, touched] = [minuteSums(), cohortSums(), new Set<string>()];
  for await (const page of leaseKept(receipts.byUser(key), leased, timelines)) {
    const sentAt = await whenSent.timesOf(page.map(({ userId }) => userId));
    for (const [index, times] of page.entries()) {
      minutes.add(times);
      cohorts.add(sentAt[index] ?? null, times);
    }
    const activities = page.flatMap((times) => timesOf(times).map((at) => ({ app, userId: times.userId, at })));
    for (const row of await activity.note(activities)) touched.add(row);
  }
  const found = cohorts.cohorts();
  const hours = found.map(({ hour }) => hour);
  const costMs = performance.now() - startedAt;
  const isKept = await timelines.keep(leased, { ...minutes.timeline(), app, category, hours, cohorts: found });
  if (!isKept) return;
  await insights.markDirty([...hours.map((slot) => insightKey({ kind: "hour", app, slot, category })), ...touched]);
  await timelines.store(leased, {}, Math.max(intervalMs, REST_PER_COST * costMs));
}
