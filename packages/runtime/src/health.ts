import { withDeadline } from "./deadline.ts";

/** Whether this process should be given work, and if not, why not. */
export interface Readiness {
  /** Adds a named condition. One that throws, or takes too long, is not met. */
  add(name: string, check: () => boolean | Promise<boolean>): void;
  /** Asks every condition at once. */
  check(): Promise<{ ready: boolean; checks: Record<string, boolean> }>;
  /** From now on not ready, whatever the conditions say; there is no way back. */
  shutDown(): void;
}

/** Below the usual timeout of a probe (5 s), so that the answer names the hanging condition instead of being lost. */
const CHECK_DEADLINE_MS = 3_000;

const isMet = async (
  name: string,
  condition: () => boolean | Promise<boolean>,
  deadlineMs: number,
): Promise<boolean> => {
  try {
    return await withDeadline(name, deadlineMs, condition);
  } catch {
    return false;
  }
};

/** Ready while no condition is unmet. */
export const createReadiness = (checkDeadlineMs: number = CHECK_DEADLINE_MS): Readiness => {
  const conditions = new Map<string, () => boolean | Promise<boolean>>();
  let isShuttingDown = false;

  return {
    add: (name, check) => {
      if (conditions.has(name)) throw new Error(`there is already a readiness check called ${name}`);
      conditions.set(name, check);
    },
    check: async () => {
      const met = await Promise.all(
        [...conditions].map(
          async ([name, condition]) => [name, await isMet(name, condition, checkDeadlineMs)] as const,
        ),
      );
      // Read after the conditions were asked: a shutdown that begins meanwhile counts.
      const checks = Object.fromEntries(isShuttingDown ? [...met, ["not_shutting_down", false] as const] : met);
      return { ready: Object.values(checks).every(Boolean), checks };
    },
    shutDown: () => {
      isShuttingDown = true;
    },
  };
};
