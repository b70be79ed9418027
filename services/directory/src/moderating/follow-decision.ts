import { ModerationDecided, ModerationDecisionRequested, type PayloadOf } from "@strata/contracts";
import type { Delivery } from "@strata/messaging";
import { actingSince, type DecisionRow, withAction } from "../domain/decision.ts";
import { isUpheld } from "../domain/moderation.ts";
import type { DecisionStore } from "../store/decision-store.ts";
import type { FlagStore } from "../store/flag-store.ts";
import { act, type ActingDeps, canBeUndone, undo } from "./act.ts";

export interface FollowingDeps extends ActingDeps {
  readonly decisions: DecisionStore;
  readonly flags: FlagStore;
}

/**
 * Does what is left to do of a decision, from its row alone: so it does not matter who does it, and what was broken off is
 * done again with the same effect. Each action is marked before the next begins.
 */
export async function followDecision(
  deps: FollowingDeps,
  decision: DecisionRow,
  cause: Delivery<unknown>,
): Promise<DecisionRow> {
  if (decision.isFollowed) return decision;
  await settleFlags(deps, decision);
  return isUpheld(decision.state) ? goOn(deps, decision, cause) : takeBack(deps, decision, cause);
}

async function goOn(deps: FollowingDeps, decision: DecisionRow, cause: Delivery<unknown>): Promise<DecisionRow> {
  const { decisions, publisher } = deps;
  const { app, decisionId, version } = decision;
  if (decision.review === null) {
    const id = `${decisionId}.decided`;
    await publisher.emit(ModerationDecided, app, factsOf(decision), { id, cause, subjectVersion: version });
  }
  let row = decision;
  for (const [index, decided] of decision.actions.entries()) {
    if (decided.state !== "waiting") continue;
    if (decided.action.kind === "webhook") return ask(deps, row, index, decided.action.url ?? null, cause);
    await act(deps, decided, { decision: row, index, cause });
    row = await decisions.change(row, { actions: withAction(row, index, "done", actingSince(row)) });
  }
  return decisions.change(row, { state: "acted", isFollowed: true });
}

/** The rest of the list waits for the answer. */
async function ask(
  { decisions, publisher }: FollowingDeps,
  row: DecisionRow,
  index: number,
  url: string | null,
  cause: Delivery<unknown>,
) {
  const id = `${row.decisionId}.${index}.requested`;
  const rest = { ...factsOf(row), actions: row.actions.slice(index + 1).map(({ action }) => action), url };
  await publisher.emit(ModerationDecisionRequested, row.app, rest, { id, cause, subjectVersion: row.version });
  const actions = withAction(row, index, "pending", actingSince(row));
  return decisions.change(row, { state: "pending", isFollowed: true, actions });
}

/** The last thing done is undone first. */
async function takeBack(deps: FollowingDeps, decision: DecisionRow, cause: Delivery<unknown>): Promise<DecisionRow> {
  const { decisions } = deps;
  const at = actingSince(decision);
  let row = decision;
  for (const [index, decided] of [...decision.actions.entries()].toReversed()) {
    if (decided.state === "done" && canBeUndone(decided)) {
      await undo(deps, decided, { decision: row, index, cause });
      row = await decisions.change(row, { actions: withAction(row, index, "undone", at) });
    }
    if (decided.state === "waiting" || decided.state === "pending") {
      row = await decisions.change(row, { actions: withAction(row, index, "skipped", at) });
    }
  }
  return decisions.change(row, { isFollowed: true });
}

/** What a person said of the decision, she or he said of all flags of hers up to then: else the next would cross it again. */
async function settleFlags({ flags }: FollowingDeps, { app, userId, decisionId, review }: DecisionRow): Promise<void> {
  if (review === null) return;
  const by = decisionId;
  const { at } = review;
  await (review.verdict === "confirm"
    ? flags.settle(app, userId, { from: ["open"], to: "upheld", at, by })
    : flags.settle(app, userId, { from: ["open", "upheld"], to: "dismissed", at, by }));
}

const factsOf = (row: DecisionRow): PayloadOf<typeof ModerationDecided> => ({
  userId: row.userId,
  decisionId: row.decisionId,
  threshold: row.threshold,
  score: row.score,
  revision: row.revision,
  actions: row.actions.map(({ action }) => action),
  at: row.at,
});
