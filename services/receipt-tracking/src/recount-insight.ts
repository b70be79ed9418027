import { HOUR_MS, OutcomeSum } from "./domain/cohort.ts";
import { insightKey, type InsightKey, parseInsightKey } from "./domain/insight-key.ts";
import type { ActivityStore } from "./store/activity-store.ts";
import type { Leased } from "./store/dirty-rows.ts";
import type { InsightFactStore } from "./store/insight-fact-store.ts";
import type { Announced, InsightRow, InsightStore } from "./store/insight-store.ts";
import type { SentStore } from "./store/sent-store.ts";
import type { TimelineStore } from "./store/timeline-store.ts";

export interface InsightDeps {
  readonly insights: InsightStore;
  readonly facts: InsightFactStore;
  readonly activity: ActivityStore;
  readonly sent: SentStore;
  readonly timelines: Pick<TimelineStore, "cohorts">;
}

/** A bucket of a busy hour is counted again and again: at most a tenth of the time each. */
const REST_PER_COST = 10;
const HOURS = 24;

export const dayOfHour = (hour: number): number => Math.floor(hour / HOURS);
export const DAY_MS = HOURS * HOUR_MS;

/** Derives one leased row of insights anew: an hour from facts, a day from its hours, which mark it. */
export async function recountInsight(deps: InsightDeps, leased: Leased, intervalMs: number): Promise<void> {
  const startedAt = performance.now();
  const { insights } = deps;
  const key = parseInsightKey(leased.key);
  const isKept = await insights.keep(leased, await derive(deps, key));
  if (isKept && key.kind === "hour") {
    await insights.markDirty([insightKey({ ...key, kind: "day", slot: dayOfHour(key.slot) })]);
  }
  await insights.store(leased, {}, Math.max(intervalMs, REST_PER_COST * (performance.now() - startedAt)));
}

async function derive(deps: InsightDeps, key: InsightKey): Promise<InsightRow> {
  switch (key.kind) {
    case "hour":
      return deriveHour(deps, key);
    case "day":
      return deriveDay(deps, key);
    case "messages":
      return { messages: await deps.facts.count(insightKey(key)) };
    case "users":
      return deps.activity.count(insightKey(key));
    default:
      return key satisfies never;
  }
}

type Of<Kind> = Extract<InsightKey, { readonly kind: Kind }>;

async function deriveHour({ facts, sent, timelines }: InsightDeps, key: Of<"hour">): Promise<Announced> {
  const { app, slot, category } = key;
  const sum = new OutcomeSum();
  const [announcements, sentTo] = await Promise.all([facts.count(insightKey(key)), sent.count(app, slot, category)]);
  for await (const cohort of timelines.cohorts(app, slot, category)) sum.add(cohort);
  return { announcements, sent: sentTo, ...copyOf(sum) };
}

async function deriveDay({ insights }: InsightDeps, { app, slot, category }: Of<"day">): Promise<Announced> {
  const sum = new OutcomeSum();
  let [announcements, sent] = [0, 0];
  const slots = { from: slot * HOURS, to: (slot + 1) * HOURS };
  for await (const { key, ...row } of insights.announced(app, "hour", slots)) {
    if (key.category !== category) continue;
    announcements += row.announcements;
    sent += row.sent;
    sum.add(row);
  }
  return { announcements, sent, ...copyOf(sum) };
}

/** With arrays of its own, as a stored row has them. */
function copyOf({ outcome }: OutcomeSum) {
  const { toDelivered, toRead, ...counts } = outcome;
  const copy = ({ steps, counts: numbers }: typeof toRead) => ({ steps: [...steps], counts: [...numbers] });
  return { ...counts, toDelivered: copy(toDelivered), toRead: copy(toRead) };
}
