/** How deep causes are followed; a longer chain is a bug, and an endless one must not hang whoever asks. */
const MAX_ERRORS = 16;

/** An error with everything behind it: its cause, its cause's cause, and the members of aggregates, outermost first. */
export const errorChain = (error: unknown): readonly unknown[] => {
  const chain: unknown[] = [];
  const waiting: unknown[] = [error];
  while (chain.length < MAX_ERRORS) {
    const next = waiting.shift();
    if (next === undefined || next === null) {
      if (waiting.length === 0) break;
      continue;
    }
    if (chain.includes(next)) continue;
    chain.push(next);
    if (next instanceof AggregateError) waiting.push(...(next.errors as unknown[]));
    if (next instanceof Error) waiting.push(next.cause);
  }
  return chain;
};
