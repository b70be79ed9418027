/** One answer that is asked for before it is needed. */
export interface ReadAhead<T> {
  /** The answer that was begun under this key, or a new one. Whatever was begun under another key is dropped. */
  take(key: string, read: () => Promise<T>): Promise<T>;
  begin(key: string, read: () => Promise<T>): void;
}

/** Holds at most one answer, so that memory stays bounded by its size. Of one worker only. */
export function readAhead<T>(): ReadAhead<T> {
  let begun: { readonly key: string; readonly answer: Promise<T> } | null = null;
  return {
    take(key, read) {
      const answer = begun?.key === key ? begun.answer : read();
      begun = null;
      return answer;
    },
    begin(key, read) {
      const answer = read();
      // Whoever takes it hears of its failure; nobody may take it.
      answer.catch(() => undefined);
      begun = { key, answer };
    },
  };
}
