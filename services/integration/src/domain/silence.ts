/** So many questions in a row, over so long a time: many are under way together, and one hiccup is all of theirs. */
const MISSES = 3;
const LONG_MS = 3_000;

/** Whether somebody who is asked again and again has stopped to answer. */
export interface Silence {
  answered(): void;
  /** What was asked then has no answer. */
  missed(askedAt: number): void;
  isLong(): boolean;
}

export function silence(options: { readonly longMs?: number; readonly now?: () => number } = {}): Silence {
  const { longMs = LONG_MS, now = Date.now } = options;
  let answeredAt = 0;
  let since = 0;
  let misses = 0;
  return {
    answered() {
      answeredAt = now();
      misses = 0;
    },
    missed(askedAt) {
      if (misses === 0) since = Math.max(askedAt, answeredAt);
      misses += 1;
    },
    isLong: () => misses >= MISSES && now() - since >= longMs,
  };
}
