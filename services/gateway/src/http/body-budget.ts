/** A bound on the bytes of all bodies held at once, and on what of it may be one caller's. */
export interface BodyBudget {
  /** Opens one request's account with the budget. */
  open(owners: readonly BodyOwner[], maxBodyBytes?: number): BodyAllowance;
}

/** Whose bodies are counted together: a request counts with each of its owners, from the many to the one. */
export interface BodyOwner {
  readonly key: string;
  /** What part of the budget they may hold together. One body of the length that its route takes always fits. */
  readonly share: number;
}

export interface BodyAllowance {
  /** False when the budget, or an owner's share of it, is used up: nothing was taken then. */
  take(bytes: number): boolean;
  /** Gives back what was taken, for bytes that are forgotten by now. */
  giveBack(bytes: number): void;
  /** Gives everything back; the body must be forgotten by then. */
  close(): void;
}

export function bodyBudget(maxBytes: number): BodyBudget {
  let held = 0;
  const heldBy = new Map<string, number>();
  const add = (owners: readonly BodyOwner[], bytes: number): void => {
    held += bytes;
    for (const { key } of owners) {
      const left = (heldBy.get(key) ?? 0) + bytes;
      // Gone at zero, so that the map holds the callers of the moment and not all there ever were.
      if (left === 0) heldBy.delete(key);
      else heldBy.set(key, left);
    }
  };
  return {
    open(owners, maxBodyBytes = 0) {
      let own = 0;
      const fits = (bytes: number): boolean =>
        held + bytes <= maxBytes &&
        owners.every(
          ({ key, share }) => (heldBy.get(key) ?? 0) + bytes <= Math.max(Math.floor(maxBytes * share), maxBodyBytes),
        );
      return {
        take(bytes) {
          if (!fits(bytes)) return false;
          add(owners, bytes);
          own += bytes;
          return true;
        },
        giveBack(bytes) {
          add(owners, -bytes);
          own -= bytes;
        },
        close() {
          add(owners, -own);
          own = 0;
        },
      };
    },
  };
}
