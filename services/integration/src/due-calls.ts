import { randomUUID } from "node:crypto";
import { ReviewDecision } from "@strata/contracts";
import type { Client } from "@strata/messaging";
import { type Closable, DomainError, type Logger, workOffDue } from "@strata/runtime";
import { CallError } from "./call-url.ts";
import { nextAttemptAt } from "./domain/attempts.ts";
import { type DecisionAnswer, decisionAnswerOf } from "./domain/decision.ts";
import type { CallMetrics } from "./metrics.ts";
import type { CallBackend } from "./signed-call.ts";
import { underWay } from "./under-way.ts";
import type { CallProgress, CallRow, CallStore } from "./store/call-store.ts";

interface Deps {
  readonly store: CallStore;
  readonly call: CallBackend;
  readonly broker: Pick<Client, "request">;
  readonly metrics: CallMetrics;
  readonly log: Logger;
}

/** Calls that one process makes at once. */
const WORKERS = 16;
/** Of them those of one app, whose backend may take all its time with each. */
const WORKERS_PER_APP = 4;
const BEHIND_MS = 1_000;
const CALL_TIMEOUT_MS = 10_000;
const REQUEST_TIMEOUT_MS = 5_000;
/** Above both, so that whoever waits still holds the row; after a death a call waits as long. */
const LEASE_MS = 20_000;

/**
 * Makes the calls that are due, the longest due first. Safe in every replica, since a row is claimed first; a process that
 * dies behind the answer has the backend asked again under the same id, and what it says is done once.
 */
export function startDueCalls(deps: Deps, everyMs: number): Closable {
  const limits = underWay(WORKERS_PER_APP);
  return workOffDue({
    everyMs,
    workers: WORKERS,
    claim: () => deps.store.claimDue(randomUUID(), LEASE_MS),
    async work(row) {
      const progress = await limits.run(row.app, () => attempt(deps, row));
      await deps.store.moveOn(row._id, row.holder, progress ?? behindOthers(row));
    },
    log: deps.log,
  });
}

/** Its app has as many calls under way as it may: no attempt, and others' calls are next. */
const behindOthers = ({ attempts, status, error }: CallRow): CallProgress => ({
  state: "waiting",
  attempts,
  status,
  error,
  dueAt: Date.now() + BEHIND_MS,
});

async function attempt(deps: Deps, row: CallRow): Promise<CallProgress> {
  const said = await ask(deps, row);
  const { status } = said;
  const answer = said.answer.kind === "verdict" ? await decide(deps, row, said.answer) : said.answer;
  deps.metrics.calls.inc({ type: row.kind, outcome: answer.kind });
  const attempts = row.attempts + 1;
  if (answer.kind !== "failed") return { state: "answered", attempts, status, error: null, dueAt: null };
  const dueAt = answer.isFinal ? null : nextAttemptAt(attempts, Date.now());
  return { state: dueAt === null ? "failed" : "waiting", attempts, status, error: answer.error, dueAt };
}

async function ask({ call }: Deps, row: CallRow): Promise<{ status: number | null; answer: DecisionAnswer }> {
  const { app, url, callId: id, kind: type, data } = row;
  try {
    const said = await call(app, { url, id, type, data, timeoutMs: CALL_TIMEOUT_MS });
    return { status: said.status, answer: decisionAnswerOf(said) };
  } catch (error) {
    if (!(error instanceof CallError)) throw error;
    return { status: null, answer: { kind: "failed", error: error.message, isFinal: false } };
  }
}

/** A person, or an attempt before this one, may have been faster; she herself may be gone. */
const TOO_LATE: ReadonlySet<string> = new Set(["invalid_operation", "not_found"]);

/** What the backend said, done; where it cannot be, the backend is asked again later, as if it had not answered. */
async function decide(
  { broker, log }: Deps,
  row: CallRow,
  answer: DecisionAnswer & { kind: "verdict" },
): Promise<DecisionAnswer> {
  const { review } = answer;
  const { app, callId, userId, decisionId } = row;
  const payload = { userId, decisionId, review: { ...review, at: Date.now() } };
  try {
    await broker.request(ReviewDecision, app, payload, { id: `${callId}.review`, timeoutMs: REQUEST_TIMEOUT_MS });
  } catch (error) {
    if (!(error instanceof DomainError)) throw error;
    if (!TOO_LATE.has(error.code)) return { kind: "failed", error: "its answer could not be taken", isFinal: false };
    log.info("a decision was reviewed before its webhook answered", { decisionId, code: error.code });
  }
  return answer;
}
