/** Negative when `a` comes first, positive when `b` does, 0 when they are about the same. */
export type Compare<T> = (a: T, b: T) => number;

/** What two lists have at one place: either, or both. */
export interface Merged<T> {
  readonly left: T | undefined;
  readonly right: T | undefined;
}

/** Merges two ascending lists without repeats into one, place by place. */
export function merge<T extends {}>(
  left: readonly T[],
  right: readonly T[],
  compare: Compare<T>,
): readonly Merged<T>[] {
  const merged: Merged<T>[] = [];
  let atLeft = 0;
  let atRight = 0;
  for (;;) {
    const [l, r] = [left[atLeft], right[atRight]];
    if (l === undefined && r === undefined) return merged;
    const order = orderOf(l, r, compare);
    if (order <= 0) atLeft += 1;
    if (order >= 0) atRight += 1;
    merged.push({ left: order <= 0 ? l : undefined, right: order >= 0 ? r : undefined });
  }
}

/** An ascending stream in pages: ascending within a page and from page to page, nothing twice. */
export type Pages<T> = AsyncIterable<readonly T[]>;

export interface UnionCount {
  /** How many there are in either stream, what is in both counted once. */
  readonly union: number;
  readonly right: number;
}

/** Counts two ascending streams in one pass, with one page of each in memory. */
export async function countUnion<T extends {}>(
  left: Pages<T>,
  right: Pages<T>,
  compare: Compare<T>,
): Promise<UnionCount> {
  const [l, r] = [new Reader(left), new Reader(right)];
  await Promise.all([l.load(), r.load()]);
  const count = { union: 0, right: 0 };
  while (l.head !== undefined || r.head !== undefined) {
    const order = orderOf(l.head, r.head, compare);
    count.union += 1;
    if (order >= 0) count.right += 1;
    if (order <= 0 && !l.step()) await l.load();
    if (order >= 0 && !r.step()) await r.load();
  }
  return count;
}

/** A list that has ended comes after everything. */
function orderOf<T>(l: T | undefined, r: T | undefined, compare: Compare<T>): number {
  if (l === undefined) return 1;
  return r === undefined ? -1 : compare(l, r);
}

/** The place reached in a stream. Steps within a page without waiting, since a wait per element would cost more than it. */
class Reader<T extends {}> {
  readonly #pages: AsyncIterator<readonly T[]>;
  #page: readonly T[] = [];
  #at = 0;

  constructor(pages: Pages<T>) {
    this.#pages = pages[Symbol.asyncIterator]();
  }

  /** undefined at the end of the stream, and at the end of a page until the next one is loaded. */
  get head(): T | undefined {
    return this.#page[this.#at];
  }

  /** False when the page is used up. */
  step(): boolean {
    this.#at += 1;
    return this.#at < this.#page.length;
  }

  async load(): Promise<void> {
    this.#at = 0;
    do {
      const next = await this.#pages.next();
      this.#page = next.done ? [] : next.value;
      if (next.done) return;
    } while (this.#page.length === 0);
  }
}
