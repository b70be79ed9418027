/** Up to when this process has told its sockets all that was logged. */
export interface HeardThrough {
  /** A change that was logged at `at` is about to be told: time stands still there until the answer is called. */
  telling(at: number): () => void;
  /** Something may be missing from now on: time stands still until the answer is called. */
  hold(): () => void;
  now(): number;
}

/**
 * The time that packets carry. Clients ask for what they missed from the last one that they saw (client API 6.9), so it must
 * not run ahead of what they were told: else whoever is cut off while this process lags, or hears nothing itself, never
 * asks for what lies between.
 */
export function heardThrough(clock: () => number = Date.now): HeardThrough {
  // In the order in which they were logged, nearly: what replicas' clocks differ by is in the overlap of a replay.
  const told = new Set<{ readonly at: number }>();
  const holds = new Set<{ readonly at: number }>();
  const now = (): number => {
    const [oldest] = told;
    return Math.min(clock(), oldest?.at ?? Infinity, ...Array.from(holds, ({ at }) => at));
  };
  return { telling: (at) => add(told, at), hold: () => add(holds, now()), now };
}

function add(to: Set<{ readonly at: number }>, at: number): () => void {
  const one = { at };
  to.add(one);
  return () => void to.delete(one);
}
