import { DomainError } from "@strata/runtime";

/**
 * A bound on what all transfers of this process hold together, so that its memory does not depend on their number. One app
 * holds a quarter at the most, and more only while half of all is free: it may be the only one, and may have to make room.
 */
export interface HeldBytes {
  /**
   * Runs `work` while so many bytes are held for it.
   * @throws DomainError `service_unavailable` when there is no room: another replica may have some, and later this one
   */
  during<T>(app: string, bytes: number, work: () => Promise<T>): Promise<T>;
}

export function heldBytes(maxBytes: number): HeldBytes {
  let held = 0;
  const ofApps = new Map<string, number>();
  const take = (app: string, bytes: number): void => {
    held += bytes;
    const ofApp = (ofApps.get(app) ?? 0) + bytes;
    if (ofApp === 0) ofApps.delete(app);
    else ofApps.set(app, ofApp);
  };
  return {
    async during(app, bytes, work) {
      const ofApp = ofApps.get(app) ?? 0;
      // One transfer has room wherever there is any, however small the bound.
      const isOfShare = ofApp === 0 || ofApp + bytes <= maxBytes / 4;
      if (held + bytes > (isOfShare ? maxBytes : maxBytes / 2)) throw new DomainError("service_unavailable");
      take(app, bytes);
      try {
        return await work();
      } finally {
        take(app, -bytes);
      }
    },
  };
}
