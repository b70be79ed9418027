import { randomUUID } from "node:crypto";
import { type Closable, repeat } from "@strata/runtime";
import type { AnnouncementNotifications } from "./announcement-notifications.ts";
import { sendChunk, type SendDeps } from "./send-chunk.ts";

interface Deps extends SendDeps {
  readonly notifications: AnnouncementNotifications;
}

const WORKERS = 4;

/**
 * Sends what had to wait (429, an outage, a parked credential) and what a killed process left: rows that are due, the
 * longest due first. Safe in every replica, since a row is claimed before it is sent. Closing lets the sends under way
 * finish and claims no further ones.
 */
export function startDuePushes(deps: Deps, everyMs: number): Closable {
  const closing = new AbortController();
  const work = async (): Promise<void> => {
    while (!closing.signal.aborted) {
      const row = await deps.chunks.claimDue(randomUUID(), deps.leaseMs);
      if (row === null) return;
      await sendChunk(deps, row, await deps.notifications.of(row));
    }
  };
  const repeated = repeat(
    everyMs,
    async () => {
      const results = await Promise.allSettled(Array.from({ length: WORKERS }, work));
      const failure = results.find((result) => result.status === "rejected");
      if (failure) throw failure.reason;
    },
    deps.log,
  );
  return {
    async close() {
      closing.abort();
      await repeated.close();
    },
  };
}
