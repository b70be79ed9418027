import { DomainError } from "@strata/runtime";

/** A bound on what all transfers of this process hold together, so that its memory does not depend on their number. */
export interface HeldBytes {
  /**
   * Runs `work` while so many bytes are held for it.
   * @throws DomainError `service_unavailable` when all are held: another replica may have room, and later this one
   */
  during<T>(bytes: number, work: () => Promise<T>): Promise<T>;
}

export function heldBytes(maxBytes: number): HeldBytes {
  let held = 0;
  return {
    async during(bytes, work) {
      if (held + bytes > maxBytes) throw new DomainError("service_unavailable");
      held += bytes;
      try {
        return await work();
      } finally {
        held -= bytes;
      }
    },
  };
}
