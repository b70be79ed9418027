/** Remembers at most so many values, each for at most so long. Full, it forgets what was stored longest ago. */
export interface BoundedCache<V> {
  get(key: string): V | undefined;
  set(key: string, value: V): void;
  delete(key: string): void;
  clear(): void;
}

export function boundedCache<V>(options: {
  readonly maxEntries: number;
  readonly ttlMs: number;
  readonly now?: () => number;
}): BoundedCache<V> {
  const { maxEntries, ttlMs, now = Date.now } = options;
  const entries = new Map<string, { readonly value: V; readonly expiresAt: number }>();
  return {
    get(key) {
      const entry = entries.get(key);
      if (entry === undefined) return undefined;
      if (entry.expiresAt > now()) return entry.value;
      entries.delete(key);
      return undefined;
    },
    set(key, value) {
      // Deleted first, so that the order of the map stays the order of storing.
      entries.delete(key);
      const [oldest] = entries.keys();
      if (entries.size >= maxEntries && oldest !== undefined) entries.delete(oldest);
      entries.set(key, { value, expiresAt: now() + ttlMs });
    },
    delete: (key) => void entries.delete(key),
    clear: () => entries.clear(),
  };
}
