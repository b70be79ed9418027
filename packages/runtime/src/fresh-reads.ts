/** What is read again and again, by key: in memory for as long as it is fresh. */
export interface FreshReads<V> {
  /** As it was at most `freshMs` ago. One reading for all who want the same at a time; a failure is kept for nobody. */
  of(key: string): Promise<V>;
  /** It is read again before anybody gets it. */
  forget(key: string): void;
}

interface Entry<V> {
  readonly readAt: number;
  readonly read: Promise<V>;
}

/** `read` gets what was read before, fresh or not: what is the same need not be made anew. */
export function freshReads<V>(options: {
  readonly freshMs: number;
  /** Beyond it, what was read first is forgotten. */
  readonly maxKeys: number;
  readonly read: (key: string, before: Promise<V> | undefined) => Promise<V>;
}): FreshReads<V> {
  const { freshMs, maxKeys } = options;
  // A Map keeps the order of insertion, so its first entry is the oldest.
  const known = new Map<string, Entry<V>>();

  const readAnew = (key: string, now: number): Promise<V> => {
    const read = options.read(key, known.get(key)?.read);
    const entry = { readAt: now, read };
    known.delete(key);
    known.set(key, entry);
    read.catch(() => known.get(key) === entry && known.delete(key));
    const [oldest] = known.keys();
    if (known.size > maxKeys && oldest !== undefined) known.delete(oldest);
    return read;
  };

  return {
    async of(key) {
      const now = Date.now();
      const entry = known.get(key);
      return entry && now - entry.readAt < freshMs ? entry.read : readAnew(key, now);
    },
    forget: (key) => void known.delete(key),
  };
}
