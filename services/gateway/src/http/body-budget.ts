/** A bound on the bytes of all bodies held at once. */
export interface BodyBudget {
  /** Opens one request's account with the budget. */
  open(): BodyAllowance;
}

export interface BodyAllowance {
  /** False when the budget is used up: nothing was taken then. */
  take(bytes: number): boolean;
  /** Gives back what was taken, for bytes that are forgotten by now. */
  giveBack(bytes: number): void;
  /** Gives everything back; the body must be forgotten by then. */
  close(): void;
}

export function bodyBudget(maxBytes: number): BodyBudget {
  let held = 0;
  return {
    open() {
      let own = 0;
      return {
        take(bytes) {
          if (held + bytes > maxBytes) return false;
          held += bytes;
          own += bytes;
          return true;
        },
        giveBack(bytes) {
          held -= bytes;
          own -= bytes;
        },
        close() {
          held -= own;
          own = 0;
        },
      };
    },
  };
}
