/** Negative when `a` comes first, positive when `b` does, 0 when they are the same. */
export type Compare<T> = (a: T, b: T) => number;

/** An ascending stream in pages: ascending within a page and from page to page, nothing twice. */
export type Pages<T> = AsyncIterable<readonly T[]>;

/** Counts what is in any of some ascending streams, each once, in one pass with one page of each in memory. */
export async function countDistinct<T extends {}>(streams: readonly Pages<T>[], compare: Compare<T>): Promise<number> {
  let readers = streams.map((pages) => new Reader(pages));
  await Promise.all(readers.map((reader) => reader.load()));
  readers = readers.filter(({ head }) => head !== undefined);
  let distinct = 0;
  while (readers.length > 0) {
    const lowest = lowestOf(readers, compare);
    distinct += 1;
    for (const reader of readers) {
      if (reader.head === undefined || compare(reader.head, lowest) !== 0 || reader.step()) continue;
      await reader.load();
      if (reader.head === undefined) readers = readers.filter((other) => other !== reader);
    }
  }
  return distinct;
}

function lowestOf<T extends {}>(readers: readonly Reader<T>[], compare: Compare<T>): T {
  let lowest: T | undefined;
  for (const { head } of readers) {
    if (head !== undefined && (lowest === undefined || compare(head, lowest) < 0)) lowest = head;
  }
  if (lowest === undefined) throw new Error("unreachable: a stream that has ended is taken out");
  return lowest;
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
