import { addColumns, addStep, columnsOf, type Histogram, type HistogramColumns, stepOf } from "./histogram.ts";
import type { UserTimes } from "./user-times.ts";
import { deliveredAt } from "./user-times.ts";

export const HOUR_MS = 3_600_000;
export const hourOf = (atMs: number): number => Math.floor(atMs / HOUR_MS);

/** How many users came to each state, and how long after they got it. */
export interface Outcome {
  readonly delivered: number;
  readonly read: number;
  readonly opened: number;
  readonly deleted: number;
  readonly toDelivered: HistogramColumns;
  readonly toRead: HistogramColumns;
}

/** What has become, by now, of what was sent in one hour. */
export interface Cohort extends Outcome {
  /** Hours since 1970. */
  readonly hour: number;
}

/** Adds up outcomes, of users or of parts. */
export class OutcomeSum {
  readonly #counts = { delivered: 0, read: 0, opened: 0, deleted: 0 };
  readonly toDelivered: Histogram = new Map();
  readonly toRead: Histogram = new Map();

  addUser(sentAt: number, times: UserTimes): void {
    const delivered = deliveredAt(times);
    if (delivered !== null) {
      this.#counts.delivered += 1;
      addStep(this.toDelivered, stepOf(delivered - sentAt), 1);
    }
    if (times.read !== null) {
      this.#counts.read += 1;
      addStep(this.toRead, stepOf(times.read - sentAt), 1);
    }
    if (times.opened !== null) this.#counts.opened += 1;
    if (times.deleted !== null) this.#counts.deleted += 1;
  }

  add({ toDelivered, toRead, ...counts }: Outcome): void {
    for (const kind of ["delivered", "read", "opened", "deleted"] as const) this.#counts[kind] += counts[kind];
    addColumns(this.toDelivered, toDelivered);
    addColumns(this.toRead, toRead);
  }

  get outcome(): Outcome {
    return { ...this.#counts, toDelivered: columnsOf(this.toDelivered), toRead: columnsOf(this.toRead) };
  }
}

/** What has become of one announcement by the hours in which it was sent. */
export function cohortSums() {
  const sums = new Map<number, OutcomeSum>();
  return {
    /** null: it is not known yet when she got it. */
    add(sentAt: number | null, times: UserTimes): void {
      if (sentAt === null) return;
      const sum = sums.get(hourOf(sentAt)) ?? new OutcomeSum();
      sums.set(hourOf(sentAt), sum);
      sum.addUser(sentAt, times);
    },
    cohorts: (): readonly Cohort[] => [...sums].map(([hour, { outcome }]) => Object.assign({ hour }, outcome)),
  };
}
