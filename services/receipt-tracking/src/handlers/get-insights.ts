import { type AnnouncedInsight, type GetInsights, type PayloadOf, type ReplyOf } from "@strata/contracts";
import { type Delivery, type Outcome, reply } from "@strata/messaging";
import { HOUR_MS, OutcomeSum } from "../domain/cohort.ts";
import { type Histogram, quantileOf } from "../domain/histogram.ts";
import { DAY_MS, dayOfHour } from "../recount-insight.ts";
import type { Announced, InsightStore, Slots } from "../store/insight-store.ts";

type Query = PayloadOf<typeof GetInsights>;
type Reply = ReplyOf<typeof GetInsights>;

const CATEGORIES_MAX = 1_000;
const SLOT_MS = { hour: HOUR_MS, day: DAY_MS } as const;
const HOURS = 24;

/** Adds up rows of what was announced. */
class AnnouncedSum {
  readonly #outcomes = new OutcomeSum();
  #announcements = 0;
  sent = 0;

  add(row: Announced): void {
    this.#announcements += row.announcements;
    this.sent += row.sent;
    this.#outcomes.add(row);
  }

  get view(): AnnouncedInsight {
    const { delivered, read, opened, deleted } = this.#outcomes.outcome;
    return {
      announcements: this.#announcements,
      sent: this.sent,
      delivered,
      read,
      opened,
      deleted,
      timeToDelivered: quantiles(this.#outcomes.toDelivered),
      timeToRead: quantiles(this.#outcomes.toRead),
    };
  }
}

const quantiles = (histogram: Histogram) => ({ p50: quantileOf(histogram, 0.5), p90: quantileOf(histogram, 0.9) });

/** From rows that are kept anyway, as many as there are buckets and categories: nothing is counted for an answer. */
export const getInsights =
  ({ insights }: { readonly insights: InsightStore }) =>
  async ({ app, payload: { by, from, to, category } }: Delivery<Query>): Promise<Outcome<Reply>> => {
    const slots = { from: Math.floor(from / SLOT_MS[by]), to: Math.ceil(to / SLOT_MS[by]) };
    const total = new AnnouncedSum();
    const [bySlot, byCategory] = [new Map<number, AnnouncedSum>(), new Map<string | null, AnnouncedSum>()];
    for await (const { key, ...row } of insights.announced(app, by, slots)) {
      if (category !== undefined && key.category !== category) continue;
      total.add(row);
      sumAt(bySlot, key.slot).add(row);
      sumAt(byCategory, key.category).add(row);
    }
    const isWhole = category === undefined;
    const [messages, users] = isWhole
      ? await Promise.all([messagesOf(insights, app, by, slots), usersOf(insights, app, by, slots)])
      : [null, null];
    const found = new Set([...bySlot.keys(), ...(messages?.keys() ?? []), ...(users?.keys() ?? [])]);
    return reply({
      buckets: [...found]
        .toSorted((a, b) => a - b)
        .map((slot) =>
          Object.assign((bySlot.get(slot) ?? new AnnouncedSum()).view, {
            at: slot * SLOT_MS[by],
            messages: messages && (messages.get(slot) ?? 0),
            activeUsers: users && (users.get(slot) ?? 0),
          }),
        ),
      total: { ...total.view, messages: messages && [...messages.values()].reduce((sum, count) => sum + count, 0) },
      categories: [...byCategory]
        .toSorted(([, a], [, b]) => b.sent - a.sent)
        .slice(0, CATEGORIES_MAX)
        .map(([name, sum]) => Object.assign(sum.view, { category: name })),
    });
  };

function sumAt<K>(sums: Map<K, AnnouncedSum>, key: K): AnnouncedSum {
  const sum = sums.get(key) ?? new AnnouncedSum();
  sums.set(key, sum);
  return sum;
}

const addAt = (counts: Map<number, number>, slot: number, count: number): void => {
  if (count > 0) counts.set(slot, (counts.get(slot) ?? 0) + count);
};

/** Kept by the hour. */
async function messagesOf(insights: InsightStore, app: string, by: Query["by"], { from, to }: Slots) {
  const counts = new Map<number, number>();
  const hours = by === "hour" ? { from, to } : { from: from * HOURS, to: to * HOURS };
  for await (const { slot, messages } of insights.messages(app, hours)) {
    addAt(counts, by === "hour" ? slot : dayOfHour(slot), messages);
  }
  return counts;
}

/** Kept by the day and partition, with the day's hours. */
async function usersOf(insights: InsightStore, app: string, by: Query["by"], { from, to }: Slots) {
  const counts = new Map<number, number>();
  const days = by === "day" ? { from, to } : { from: dayOfHour(from), to: Math.ceil(to / HOURS) };
  for await (const { slot, users, hours } of insights.users(app, days)) {
    if (by === "day") addAt(counts, slot, users);
    else {
      for (const [hour, count] of hours.entries()) {
        const at = slot * HOURS + hour;
        if (at >= from && at < to) addAt(counts, at, count);
      }
    }
  }
  return counts;
}
