import { randomUUID } from "node:crypto";
import type { Notification } from "@strata/contracts";
import { type Closable, workOffDue } from "@strata/runtime";
import type { ChunkRow } from "./domain/chunk.ts";
import type { Subject } from "./domain/subject.ts";
import type { PushPlanDeps } from "./push-plan.ts";
import { sendChunk } from "./send-chunk.ts";

const WORKERS = 4;
/** How long nothing more is asked about a kind of subject that nobody answered for. */
const UNANSWERED_MS = 5_000;

/**
 * Sends what had to wait (429, an outage, a parked credential) and what a killed process left: rows that are due, the
 * longest due first. Safe in every replica, since a row is claimed before it is sent.
 */
export function startDuePushes(deps: PushPlanDeps, everyMs: number): Closable {
  const notificationOf = askingWithPauses(deps);
  return workOffDue({
    everyMs,
    workers: WORKERS,
    claim: () => deps.chunks.claimDue(randomUUID(), deps.leaseMs),
    work: async (row) => {
      const asked = await notificationOf(row);
      if (asked !== "unanswered") await sendChunk(deps, await withoutForgotten(deps, row), asked);
    },
    log: deps.log,
  });
}

/**
 * While one service does not answer, its rows are put off by the length of their lease instead of each waiting for the
 * end of a question: the rows of the others would stand behind them.
 */
function askingWithPauses({ notifications, log }: PushPlanDeps) {
  const unansweredUntil = new Map<Subject["kind"], number>();
  return async (row: ChunkRow): Promise<Notification | null | "unanswered"> => {
    const { kind } = row.subject;
    if (Date.now() < (unansweredUntil.get(kind) ?? 0)) return "unanswered";
    try {
      return await notifications.of(row);
    } catch (error) {
      unansweredUntil.set(kind, Date.now() + UNANSWERED_MS);
      log.warn("not known what to push; due pushes of this kind wait", { kind, error });
      return "unanswered";
    }
  };
}

/** The row without pushes to users who were forgotten since it was planned: they are dropped, without an outcome. */
async function withoutForgotten({ devices }: PushPlanDeps, row: ChunkRow): Promise<ChunkRow> {
  const forgotten = await devices.forgottenAmong(row.app, [...new Set(row.pending.map(({ userId }) => userId))]);
  const pending = row.pending.filter(({ userId, registeredAt }) => registeredAt > (forgotten.get(userId) ?? -1));
  return { ...row, pending };
}
