/** Questions under way, by what they are about: who asks the same meanwhile shares the answer. */
export interface SharedLoads<V> {
  load(key: string, ask: () => Promise<V>): Promise<V>;
  /** An answer that is under way may be from before: it is given to who waits for it, and not kept. */
  forget(key: string): void;
  forgetAll(): void;
}

/** `keep` is given each answer that nobody has asked to forget meanwhile; a failure to ask is kept by nobody. */
export function sharedLoads<V>(keep: (key: string, value: V) => void): SharedLoads<V> {
  const loading = new Map<string, Promise<V>>();

  const begin = (key: string, ask: () => Promise<V>): Promise<V> => {
    const promise = ask().then(
      (value) => {
        if (loading.get(key) === promise) {
          loading.delete(key);
          keep(key, value);
        }
        return value;
      },
      (error: unknown) => {
        if (loading.get(key) === promise) loading.delete(key);
        throw error;
      },
    );
    loading.set(key, promise);
    return promise;
  };

  return {
    load: (key, ask) => loading.get(key) ?? begin(key, ask),
    forget: (key) => void loading.delete(key),
    forgetAll: () => loading.clear(),
  };
}
