/** How many durations fall into each step of a logarithmic scale. */
export type Histogram = Map<number, number>;

/** A histogram as it is stored, in columns. */
export interface HistogramColumns {
  readonly steps: readonly number[];
  readonly counts: readonly number[];
}

/** Eight steps double the duration: the end of a step is 9 % above its beginning. */
const STEPS_PER_DOUBLING = 8;

/** Step 0 is up to a millisecond, also for a clock that is behind; step n ends where step n + 1 begins. */
export const stepOf = (ms: number): number => (ms < 1 ? 0 : 1 + Math.floor(STEPS_PER_DOUBLING * Math.log2(ms)));

/** Where a step ends, in whole milliseconds. */
const endOf = (step: number): number => Math.ceil(2 ** (step / STEPS_PER_DOUBLING));

export function addStep(histogram: Histogram, step: number, count: number): void {
  histogram.set(step, (histogram.get(step) ?? 0) + count);
}

export function addColumns(histogram: Histogram, { steps, counts }: HistogramColumns): void {
  for (const [index, step] of steps.entries()) addStep(histogram, step, counts[index] ?? 0);
}

export function columnsOf(histogram: Histogram): HistogramColumns {
  const ascending = [...histogram].toSorted(([a], [b]) => a - b);
  return { steps: ascending.map(([step]) => step), counts: ascending.map(([, count]) => count) };
}

/** What a share of the durations does not exceed: the end of its step, so up to 9 % above it; null without any. */
export function quantileOf(histogram: Histogram, share: number): number | null {
  const { steps, counts } = columnsOf(histogram);
  const wanted = Math.ceil(share * counts.reduce((sum, count) => sum + count, 0));
  let passed = 0;
  for (const [index, step] of steps.entries()) {
    passed += counts[index] ?? 0;
    if (passed >= wanted) return endOf(step);
  }
  return null;
}
