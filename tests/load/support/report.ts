/** One measured run: how many items, in which time, and what one item took where that was measured. */
export interface Run {
  readonly perSecond: number;
  readonly latenciesMs?: readonly number[];
  readonly cpuSeconds?: number;
  readonly items: number;
}

export interface Pair {
  readonly ours: Run;
  readonly floor: Run;
}

const median = (values: readonly number[]): number => percentile(values, 0.5);

/** The value below which this share of the values lies; NaN for none. */
export function percentile(values: readonly number[], share: number): number {
  const sorted = values.toSorted((a, b) => a - b);
  return sorted[Math.min(sorted.length - 1, Math.floor(sorted.length * share))] ?? Number.NaN;
}

const round = (value: number, digits = 2): number => Number(value.toFixed(digits));
const orNull = (value: number): number | null => (Number.isFinite(value) ? round(value) : null);

/** The last line of every benchmark: medians over interleaved pairs, the ratio pair by pair; `more` goes behind, or in place. */
export function printReport(
  bench: string,
  n: number,
  pairs: readonly Pair[],
  peakRssMb: number | null,
  more: Readonly<Record<string, unknown>> = {},
): void {
  const latencies = pairs.flatMap(({ ours }) => ours.latenciesMs ?? []);
  const cpu = pairs.map(({ ours }) => ((ours.cpuSeconds ?? Number.NaN) * 1e6) / ours.items);
  const ratios = pairs.map(({ ours, floor }) => ours.perSecond / floor.perSecond);
  for (const [index, { ours, floor }] of pairs.entries()) {
    console.log(
      `pair ${index + 1}: ours ${Math.round(ours.perSecond)}/s, floor ${Math.round(floor.perSecond)}/s, ratio ${round(ours.perSecond / floor.perSecond)}`,
    );
  }
  console.log(
    `ratio: median ${round(median(ratios))}, from ${round(Math.min(...ratios))} to ${round(Math.max(...ratios))}`,
  );
  console.log(
    JSON.stringify({
      bench,
      n,
      ours_per_s: Math.round(median(pairs.map(({ ours }) => ours.perSecond))),
      floor_per_s: Math.round(median(pairs.map(({ floor }) => floor.perSecond))),
      ratio: round(median(ratios)),
      p50_ms: orNull(percentile(latencies, 0.5)),
      p99_ms: orNull(percentile(latencies, 0.99)),
      cpu_us_per_item: orNull(median(cpu)),
      peak_rss_mb: peakRssMb,
      ...more,
    }),
  );
}
