import { deliveredAt, type UserTimes } from "./user-times.ts";

/** How many users came to each state in one minute. */
export interface MinuteCounts {
  /** Minutes since 1970. */
  readonly minute: number;
  /** Users whose first receipt but `deleted` is of this minute. */
  readonly delivered: number;
  readonly read: number;
  readonly opened: number;
  readonly deleted: number;
}

/** Minutes in columns, as they are stored: a tenth of the size of as many objects. */
export interface Timeline {
  readonly minutes: readonly number[];
  readonly delivered: readonly number[];
  readonly read: readonly number[];
  readonly opened: readonly number[];
  readonly deleted: readonly number[];
}

export const MINUTE_MS = 60_000;
export const STEP_MINUTES = { minute: 1, hour: 60 } as const;
export type Step = keyof typeof STEP_MINUTES;

export const minuteOf = (atMs: number): number => Math.floor(atMs / MINUTE_MS);

/** Counts the users of one partition by the minutes in which they came to each state. */
export function minuteSums() {
  const minutes = new Map<number, { -readonly [K in keyof MinuteCounts]: MinuteCounts[K] }>();
  const count = (kind: "delivered" | "read" | "opened" | "deleted", at: number | null): void => {
    if (at === null) return;
    const minute = minuteOf(at);
    const counts = minutes.get(minute) ?? { minute, delivered: 0, read: 0, opened: 0, deleted: 0 };
    minutes.set(minute, counts);
    counts[kind] += 1;
  };
  return {
    add(times: UserTimes): void {
      count("delivered", deliveredAt(times));
      count("read", times.read);
      count("opened", times.opened);
      count("deleted", times.deleted);
    },
    timeline: (): Timeline => timelineOf([...minutes.values()].toSorted((a, b) => a.minute - b.minute)),
  };
}

const timelineOf = (counted: readonly MinuteCounts[]): Timeline => ({
  minutes: counted.map(({ minute }) => minute),
  delivered: counted.map(({ delivered }) => delivered),
  read: counted.map(({ read }) => read),
  opened: counted.map(({ opened }) => opened),
  deleted: counted.map(({ deleted }) => deleted),
});

/** One bucket of an answer. */
export interface Bucket {
  /** Its beginning, milliseconds since 1970. */
  readonly at: number;
  /** Users who got it then. */
  readonly sent: number;
  readonly delivered: number;
  readonly read: number;
  readonly opened: number;
  readonly deleted: number;
}

/** Adds up timelines of several partitions between two times; buckets in which nothing happened are left out. */
export function bucketsOf(step: Step, fromMs: number, toMs: number) {
  const width = STEP_MINUTES[step];
  const buckets = new Map<number, { -readonly [K in keyof Bucket]: Bucket[K] }>();
  const bucketAt = (minute: number) => {
    const at = Math.floor(minute / width) * width * MINUTE_MS;
    const bucket = buckets.get(at) ?? { at, sent: 0, delivered: 0, read: 0, opened: 0, deleted: 0 };
    buckets.set(at, bucket);
    return bucket;
  };
  return {
    addSent(minutes: readonly { readonly minute: number; readonly sent: number }[]): void {
      for (const { minute, sent } of minutes) bucketAt(minute).sent += sent;
    },
    add({ minutes, delivered, read, opened, deleted }: Timeline): void {
      for (const [index, minute] of minutes.entries()) {
        const at = minute * MINUTE_MS;
        if (at < fromMs || at >= toMs) continue;
        const bucket = bucketAt(minute);
        bucket.delivered += delivered[index] ?? 0;
        bucket.read += read[index] ?? 0;
        bucket.opened += opened[index] ?? 0;
        bucket.deleted += deleted[index] ?? 0;
      }
    },
    buckets: (): readonly Bucket[] => [...buckets.values()].toSorted((a, b) => a.at - b.at),
  };
}
