/** The exchanges of DESIGN.md section 3. */
export const exchange = {
  commands: "strata.commands",
  queries: "strata.queries",
  events: "strata.events",
} as const;

/** The stream that keeps every event for replay. */
export const eventLog = "strata.events.log";

/** How many queues an ordered lane has, unless a deployment says otherwise. Fixed per deployment: keys move with it. */
export const ORDERED_QUEUES = 16;

export const deadLetterQueue = (queue: string): string => `${queue}.dead-letter`;
export const aloneQueue = (queue: string): string => `${queue}.alone`;
export const orderedQueue = (lane: string, index: number): string => `${lane}.${index}`;
export const orderedExchange = (lane: string): string => `${lane}.ordered`;
export const ladderQueue = (service: string, rungMs: number): string => `${service}.retry.${rungName(rungMs)}`;

/** 1000 → "1s", 600000 → "10m", 50 → "50ms": what an operator reads in the queue list. */
function rungName(ms: number): string {
  if (ms % 60_000 === 0) return `${ms / 60_000}m`;
  return ms % 1000 === 0 ? `${ms / 1000}s` : `${ms}ms`;
}
