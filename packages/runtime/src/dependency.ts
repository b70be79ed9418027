import { withDeadline } from "./deadline.ts";

/** Something outside the process that work cannot go on without. */
export interface Dependency {
  readonly name: string;
  /**
   * Whether this error, or one of its causes, says that the dependency cannot be reached now. Such a failure is nobody's
   * attempt: the work waits until the dependency answers. A refusal by a healthy server is not `down`.
   */
  isDown(error: unknown): boolean;
  /** One small question to the dependency, bounded in time. Never throws. */
  answers(): Promise<boolean>;
}

/** Longer than any healthy answer, short enough that a probe of several dependencies stays below a probe's timeout. */
const ANSWER_DEADLINE_MS = 2_000;

/** Turns a question that may throw or hang into a yes or no. */
export const answersInTime = async (name: string, ask: () => Promise<unknown>): Promise<boolean> => {
  try {
    await withDeadline(`${name} ping`, ANSWER_DEADLINE_MS, ask);
    return true;
  } catch {
    // Why it failed is for the driver's own events to log; whoever asks repeats the question anyway.
    return false;
  }
};
