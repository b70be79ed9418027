/** Lets a bounded number in at a time, first come first served. */
export interface BoundedWindow {
  readonly taken: number;
  /** True once let in; false when that did not happen by the deadline (ms since 1970). */
  enter(deadlineAt: number): Promise<boolean>;
  leave(): void;
}

export function boundedWindow(size: number): BoundedWindow {
  // A set keeps the order of arrival, and whoever gives up is taken out at once.
  const waiting = new Set<() => void>();
  let taken = 0;
  return {
    get taken() {
      return taken;
    },
    enter(deadlineAt) {
      if (taken < size) {
        taken += 1;
        return Promise.resolve(true);
      }
      return new Promise((resolve) => {
        const letIn = (): void => {
          clearTimeout(timer);
          resolve(true);
        };
        const timer = setTimeout(
          () => {
            waiting.delete(letIn);
            resolve(false);
          },
          Math.max(0, deadlineAt - Date.now()),
        );
        waiting.add(letIn);
      });
    },
    leave() {
      const [next] = waiting;
      if (next) {
        // The place passes straight on to whoever waits, so that the window is never overrun in between.
        waiting.delete(next);
        next();
      } else taken -= 1;
    },
  };
}
