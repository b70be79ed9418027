/**
 * Merges sequences that are each in order into one in order; one item of each is held at a time. What is in several comes
 * once.
 */
export async function* mergeSorted<T>(
  sequences: readonly AsyncIterable<T>[],
  compare: (a: T, b: T) => number,
): AsyncGenerator<T> {
  const iterators = sequences.map((sequence) => sequence[Symbol.asyncIterator]());
  try {
    const heads = await Promise.all(iterators.map((iterator) => iterator.next()));
    for (;;) {
      let least: T | undefined;
      for (const head of heads) {
        if (head.done !== true && (least === undefined || compare(head.value, least) < 0)) least = head.value;
      }
      if (least === undefined) return;
      yield least;
      for (const [index, head] of heads.entries()) {
        const iterator = iterators[index];
        if (iterator && head.done !== true && compare(head.value, least) === 0) heads[index] = await iterator.next();
      }
    }
  } finally {
    for (const iterator of iterators) await iterator.return?.();
  }
}
