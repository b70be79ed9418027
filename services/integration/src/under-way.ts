/** Counts what is under way of each app, so that one whose backend is slow does not take everybody's turn. */
export interface UnderWay {
  /** Runs the work; null where the app has as much under way as it may. */
  run<T>(app: string, work: () => Promise<T>): Promise<T | null>;
}

export function underWay(maxPerApp: number): UnderWay {
  const counts = new Map<string, number>();
  return {
    async run(app, work) {
      const count = counts.get(app) ?? 0;
      if (count >= maxPerApp) return null;
      counts.set(app, count + 1);
      try {
        return await work();
      } finally {
        const left = (counts.get(app) ?? 1) - 1;
        if (left === 0) counts.delete(app);
        else counts.set(app, left);
      }
    },
  };
}
