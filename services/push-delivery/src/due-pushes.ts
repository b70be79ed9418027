import { randomUUID } from "node:crypto";
import { type Closable, type Dependency, workOffDue } from "@strata/runtime";
import { type ChunkRow, type Target, type Verdict, verdictsOf } from "./domain/chunk.ts";
import { withHeldDevices } from "./held-devices.ts";
import type { Wording } from "./notifications.ts";
import { decisionsOn, type PushPlanDeps } from "./push-plan.ts";
import { sendChunk } from "./send-chunk.ts";

const WORKERS = 4;
/** How long nothing more is asked about a kind of subject that nobody answered for. */
export const UNANSWERED_MS = 5_000;

export interface DuePushDeps extends PushPlanDeps {
  readonly directory: Dependency;
  readonly receiptTracking: Dependency;
}

/**
 * Sends what had to wait (429, an outage, a parked credential) and what a killed process left: rows that are due, the
 * longest due first. Safe in every replica, since a row is claimed before it is sent.
 */
export function startDuePushes(deps: DuePushDeps, everyMs: number): Closable {
  const askAbout = askingWithPauses(deps);
  return workOffDue({
    everyMs,
    workers: WORKERS,
    claim: () => deps.chunks.claimDue(randomUUID(), deps.leaseMs),
    work: async (claimed) => {
      const row = await withHeldDevices(deps, await withoutForgotten(deps, claimed));
      const asked = await askAbout(row);
      if (asked !== "unanswered") await sendChunk(deps, row, asked.wording, asked.decided);
    },
    log: deps.log,
  });
}

interface Asked {
  readonly wording: Wording | null;
  readonly decided: ReadonlyMap<Target, Verdict>;
}

/**
 * What is due is decided on again: she may have been muted, suspended or there meanwhile. What is over needs no question.
 */
async function ask(deps: DuePushDeps, row: ChunkRow): Promise<Asked> {
  const now = Date.now();
  const wording = await deps.notifications.of(row, usersOf(row.pending));
  if (wording === null || now >= row.expiresAt) return { wording, decided: new Map() };
  const due = row.pending.filter(({ dueAt }) => dueAt <= now);
  return { wording, decided: verdictsOf(due, await decisionsOn(deps, row, usersOf(due), wording)) };
}

const usersOf = (targets: readonly Target[]): readonly string[] => [...new Set(targets.map(({ userId }) => userId))];

/**
 * While one service does not answer, its rows are put off by the length of their lease instead of each waiting for the
 * end of a question: the rows of the others would stand behind them. The directory and receipt-tracking are asked for some
 * subjects only, so without one of them only those are put off.
 */
function askingWithPauses(deps: DuePushDeps) {
  const { directory, receiptTracking, log } = deps;
  const unansweredUntil = new Map<string, number>();
  const isPaused = (key: string): boolean => Date.now() < (unansweredUntil.get(key) ?? 0);
  return async (row: ChunkRow): Promise<Asked | "unanswered"> => {
    const { kind, id } = row.subject;
    const ofSubject = `${row.app}/${id}`;
    if (isPaused(kind) || isPaused(ofSubject)) return "unanswered";
    try {
      return await ask(deps, row);
    } catch (error) {
      for (const key of unansweredUntil.keys()) if (!isPaused(key)) unansweredUntil.delete(key);
      const isForSome = directory.isDown(error) || receiptTracking.isDown(error);
      unansweredUntil.set(isForSome ? ofSubject : kind, Date.now() + UNANSWERED_MS);
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
