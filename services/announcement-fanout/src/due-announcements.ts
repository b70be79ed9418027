import { randomUUID } from "node:crypto";
import { type Closable, type Logger, workOffDue } from "@strata/runtime";
import { type AttendDeps, attendDue } from "./handlers/attend-due.ts";

/** Announcements that one process attends to at once. */
const WORKERS = 4;
/** Longer than any step of one; what a dead worker held stands still as long. */
const LEASE_MS = 20_000;

/** Attends to what is timed about announcements: starts, throttled steps, expiry. Safe in every replica: rows are leased. */
export function startDueAnnouncements(deps: AttendDeps & { readonly log: Logger }, everyMs: number): Closable {
  return workOffDue({
    everyMs,
    workers: WORKERS,
    claim: () => deps.announcements.claimDue(randomUUID(), LEASE_MS),
    async work(header) {
      if (header.holder === null) return;
      await attendDue(deps, header, { holder: header.holder, leaseMs: LEASE_MS });
    },
    log: deps.log,
  });
}
