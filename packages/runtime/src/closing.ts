import { withDeadline } from "./deadline.ts";
import type { Logger } from "./logger.ts";

/** Something that holds a connection, a timer or a listener and can let go of it. */
export interface Closable {
  close(): Promise<void>;
}

/** What must be closed when the process stops, in the reverse of the order in which it was opened. */
export interface Closing {
  /** Hands over a resource; `name` appears in the log when it does not close. Returns the resource. */
  add<T extends Closable>(resource: T, name?: string): T;
  /**
   * Closes everything, last added first. A step that fails or hangs is logged and never keeps the others from closing;
   * the failures are thrown together at the end. Calling it again waits for the same closing.
   */
  closeAll(): Promise<void>;
}

/** Two steps may hang and the process still stops by itself before `runService` forces it to. */
const STEP_DEADLINE_MS = 10_000;

/** An empty list of things to close. */
export const createClosing = (log: Logger, stepDeadlineMs: number = STEP_DEADLINE_MS): Closing => {
  const open: { readonly name: string; readonly resource: Closable }[] = [];
  const failures: unknown[] = [];
  let added = 0;
  let isClosed = false;
  let closing: Promise<void> | undefined;

  const closeRest = async (): Promise<void> => {
    for (let step = open.pop(); step !== undefined; step = open.pop()) {
      const { name, resource } = step;
      try {
        await withDeadline(`closing ${name}`, stepDeadlineMs, () => resource.close());
      } catch (error) {
        failures.push(error);
        log.error("a resource did not close", { resource: name, error });
      }
    }
  };

  const closeAll = async (): Promise<void> => {
    await closeRest();
    isClosed = true;
    if (failures.length > 0) throw new AggregateError(failures, `${failures.length} resources did not close`);
  };

  return {
    add: (resource, name) => {
      added += 1;
      open.push({ name: name ?? `resource ${added}`, resource });
      // A start that is overtaken by SIGTERM goes on opening things; they must not outlive the closing.
      if (isClosed) void closeRest();
      return resource;
    },
    closeAll: () => (closing ??= closeAll()),
  };
};
