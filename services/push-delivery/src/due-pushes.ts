import { randomUUID } from "node:crypto";
import { type Closable, type Dependency, workOffDue } from "@strata/runtime";
import type { ChunkRow } from "./domain/chunk.ts";
import { withHeldDevices } from "./held-devices.ts";
import type { Wording } from "./notifications.ts";
import type { PushPlanDeps } from "./push-plan.ts";
import { sendChunk } from "./send-chunk.ts";

const WORKERS = 4;
/** How long nothing more is asked about a kind of subject that nobody answered for. */
const UNANSWERED_MS = 5_000;

export interface DuePushDeps extends PushPlanDeps {
  readonly directory: Dependency;
}

/**
 * Sends what had to wait (429, an outage, a parked credential) and what a killed process left: rows that are due, the
 * longest due first. Safe in every replica, since a row is claimed before it is sent.
 */
export function startDuePushes(deps: DuePushDeps, everyMs: number): Closable {
  const wordingOf = askingWithPauses(deps);
  return workOffDue({
    everyMs,
    workers: WORKERS,
    claim: () => deps.chunks.claimDue(randomUUID(), deps.leaseMs),
    work: async (row) => {
      const asked = await wordingOf(row);
      if (asked !== "unanswered")
        await sendChunk(deps, await withHeldDevices(deps, await withoutForgotten(deps, row)), asked);
    },
    log: deps.log,
  });
}

/**
 * While one service does not answer, its rows are put off by the length of their lease instead of each waiting for the
 * end of a question: the rows of the others would stand behind them. The directory is asked for some announcements only,
 * so without it only theirs are put off.
 */
function askingWithPauses({ notifications, directory, log }: DuePushDeps) {
  const unansweredUntil = new Map<string, number>();
  const isPaused = (key: string): boolean => Date.now() < (unansweredUntil.get(key) ?? 0);
  return async (row: ChunkRow): Promise<Wording | null | "unanswered"> => {
    const { kind, id } = row.subject;
    const ofSubject = `${row.app}/${id}`;
    if (isPaused(kind) || isPaused(ofSubject)) return "unanswered";
    try {
      return await notifications.of(row, [...new Set(row.pending.map(({ userId }) => userId))]);
    } catch (error) {
      for (const key of unansweredUntil.keys()) if (!isPaused(key)) unansweredUntil.delete(key);
      unansweredUntil.set(directory.isDown(error) ? ofSubject : kind, Date.now() + UNANSWERED_MS);
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
