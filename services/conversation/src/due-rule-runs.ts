import { GetAppOpening, MatchUsers, PARTITIONS, RuleRunEnded } from "@strata/contracts";
import { newTraceparent } from "@strata/messaging";
import { type Closable, type Logger, workOffDue } from "@strata/runtime";
import {
  afterPage,
  filterOf,
  lapsedBefore,
  newRun,
  type RuleRow,
  runOf,
  type RunPlace,
  type RunRow,
} from "./domain/membership-rule.ts";
import { madeUuid } from "./domain/made-uuid.ts";
import { departPage, type LeavingDeps, warnPage } from "./rule-departures.ts";
import { placeUser } from "./rule-placements.ts";
import type { RuleMember } from "./store/rule-member-store.ts";
import type { RuleRunStore } from "./store/rule-run-store.ts";

export interface RunDeps extends LeavingDeps {
  readonly runs: RuleRunStore;
}

/** Users of one page: what a kill has to do again. */
const PAGE = 100;
/** Far above what a page takes; who dies with one is followed after this. */
const LEASE_MS = 60_000;
/** A run stands still behind an earlier one of its rule, and while its app lets nobody in. */
const BEHIND_MS = 1_000;
const CLOSED_MS = 60_000;
/** Then a rule that is due is looked at again. */
const AGAIN_MS = 5_000;

/** Does one page of a run, and moves it on. A page that is done again changes nothing and is counted once. */
const takeRunPage =
  (deps: RunDeps) =>
  async (run: RunRow): Promise<void> => {
    const { rules, runs, client, now } = deps;
    const rule = await rules.find(run.app, run.ruleId);
    if (rule?.deletedAt !== null || rule.updatedAt > run.startedAt) {
      return end(deps, run, { ...run, state: "stopped", endedAt: now(), dueAt: null });
    }
    // One that warns, and one that drops who came back since they were warned, would undo each other's work.
    if (!run.isDryRun && (await runs.isUnderWay(run, run))) return runs.wait(run, now() + BEHIND_MS);
    const opening = await client.ask(GetAppOpening, run.app, {});
    if (!opening.isOpen) return runs.wait(run, now() + CLOSED_MS);
    const { partition, after } = run.place;
    const { userIds: found, next } = await client.ask(MatchUsers, run.app, {
      filter: filterOf(rule, run),
      partition,
      after,
      createdBefore: run.startedAt,
      limit: PAGE,
    });
    // Nobody could be seen while the app was closed.
    const { terms } = rule;
    const userIds = terms.kind === "leave" && opening.since > lapsedBefore(terms, run) ? [] : found;
    const happened = await apply(deps, rule, run, userIds);
    const place = await nextPlace(deps, rule, run, next);
    const moved = afterPage(run, happened, place, now());
    if (place === null) return end(deps, run, moved);
    await runs.moveOn(run, moved);
  };

/** The event first, under the run's own id: a run that has ended is not looked at again. */
async function end({ runs, publisher, now }: RunDeps, before: RunRow, after: RunRow): Promise<void> {
  const { app, _id } = after;
  const { sample: _sample, endedAt: _endedAt, ...run } = runOf(after);
  await publisher.emit(RuleRunEnded, app, { ...run, at: after.endedAt ?? now() }, { id: `${_id}/ended` });
  await runs.moveOn(before, after);
}

async function apply(deps: RunDeps, rule: RuleRow, run: RunRow, userIds: readonly string[]) {
  const cause = { id: `${run._id}/${run.page}`, traceparent: newTraceparent(), runId: run.runId };
  if (rule.terms.kind === "leave") {
    const page = run.place.phase === "warn" ? warnPage : departPage;
    return page(deps)(rule, run, userIds, cause);
  }
  if (run.isDryRun) {
    const members = await deps.members.find(rule, userIds);
    return userIds.map((userId) => ({
      userId,
      outcome: isSettled(members.get(userId)) ? ("already" as const) : ("joined" as const),
    }));
  }
  const happened = [];
  for (const userId of userIds) happened.push({ userId, outcome: await placeUser(deps)(rule, userId, cause) });
  return happened;
}

const isSettled = (member: RuleMember | undefined): boolean => member !== undefined && member.placing === undefined;

/** Where a run goes on; null: nowhere. Behind the warnings, those are dropped who have come back since they were warned. */
async function nextPlace(
  { members }: RunDeps,
  rule: RuleRow,
  { place, runId, isDryRun, startedAt }: RunRow,
  next: string | null,
): Promise<RunPlace | null> {
  const { phase, partition } = place;
  if (next !== null) return { ...place, after: next };
  if (partition < PARTITIONS - 1) return { phase, partition: partition + 1, after: null };
  if (phase === "act") return null;
  if (!isDryRun) await members.dropOthers(rule, { run: runId, startedAt });
  return { phase: "act", partition: 0, after: null };
}

/** Begins the runs of rules that are due, each under an id that follows from its time, then says when the next is. */
const beginDue =
  ({ rules, runs, now }: RunDeps) =>
  async (rule: RuleRow): Promise<void> => {
    const { app, terms, nextRunAt } = rule;
    if (terms.kind !== "leave" || nextRunAt === null) return;
    const runId = madeUuid(`${rule._id}/${nextRunAt}`);
    // Where the last one has not ended, as while the app is closed, no heap of others gathers behind it.
    if (await runs.isUnderWay(rule)) return rules.moveOn(rule, now() + AGAIN_MS);
    await runs.insertOrFind(newRun({ rule, runId, isDryRun: false, at: now(), by: `${app}/${runId}` }));
    // Of the times that went by while everything was down, one is enough.
    const missed = Math.max(1, Math.ceil((now() - nextRunAt) / terms.everyMs));
    await rules.moveOn(rule, nextRunAt + missed * terms.everyMs);
  };

/** Applies rules to those whom they are about, page by page. Safe in every replica: a run is leased, and pages bear repeating. */
export function startRuleRuns(deps: RunDeps, everyMs: number, log: Logger): Closable {
  const { rules, runs, now } = deps;
  const beginning = workOffDue({ everyMs, workers: 1, claim: () => rules.findDue(now()), work: beginDue(deps), log });
  const running = workOffDue({
    everyMs,
    workers: 4,
    claim: () => runs.claimDue(now(), LEASE_MS),
    work: takeRunPage(deps),
    log,
  });
  return {
    async close() {
      await Promise.all([beginning.close(), running.close()]);
    },
  };
}
