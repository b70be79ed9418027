import {
  type DecidedAction,
  type ModerationAction,
  ModerationDecision,
  type ModerationThreshold,
  type Review,
} from "@strata/contracts";
import { z } from "zod";
import { madeUuid } from "./made-uuid.ts";
import { isUpheld, scoreOf, type ScoredFlag, type Weighed } from "./moderation.ts";

/** A decision as stored. All that follows from it follows from the row alone, whoever does it. */
export const DecisionRow = ModerationDecision.extend({
  /** `<app>/<user>/<threshold>/<episode>`: nobody decides twice. */
  _id: z.string(),
  app: z.string(),
  /** Whether all that follows from its state so far is done. */
  isFollowed: z.boolean(),
  /** The command that said the review. */
  reviewedBy: z.string().optional(),
});
export type DecisionRow = z.infer<typeof DecisionRow>;

export interface Occasion {
  readonly app: string;
  readonly userId: string;
  readonly threshold: ModerationThreshold;
  readonly revision: number;
  readonly at: number;
  /** All that were decided about her before. */
  readonly earlier: readonly DecisionRow[];
  readonly weighed: readonly Weighed<ScoredFlag & FlagPlace>[];
  readonly isSuspended: boolean;
}

interface FlagPlace {
  readonly messageId: string | null;
  readonly conversationId: string | null;
}

/** The decision for a threshold that was crossed: everything that it will take to follow it is in it. */
export function decisionOf(occasion: Occasion): DecisionRow {
  const { app, userId, threshold, revision, at, earlier, weighed, isSuspended } = occasion;
  const counting = weighed.filter(({ weight }) => weight > 0);
  const episodes = earlier.filter((one) => one.threshold === threshold.score).map(({ episode }) => episode);
  const episode = Math.max(0, ...episodes) + 1;
  // The end of it is ours, so no user id can make it another's.
  const _id = `${app}/${userId}/${threshold.score}/${episode}`;
  return {
    _id,
    app,
    decisionId: madeUuid(_id),
    userId,
    threshold: threshold.score,
    episode,
    revision,
    score: scoreOf(counting),
    at,
    flags: counting.map(({ flag: { flagId, by, messageId, conversationId, reason }, weight }) => ({
      flagId,
      by,
      messageId,
      conversationId,
      reason,
      weight,
    })),
    state: "acting",
    actions: threshold.actions.map((action) => ({
      action,
      state: "waiting",
      at,
      targets: targetsOf(action, occasion),
      isIdle: action.kind === "suspend" && isSuspended,
    })),
    review: null,
    version: 1,
    isFollowed: false,
  };
}

function targetsOf({ kind }: ModerationAction, { weighed, userId }: Occasion): string[] {
  const flags = weighed.flatMap(({ flag, weight }) => (weight > 0 ? [flag] : []));
  if (kind === "hide_message") return [...new Set(flags.flatMap(({ messageId }) => messageId ?? []))];
  if (kind !== "block_flaggers") return [];
  return [...new Set(flags.map(({ by }) => by))].filter((by) => by !== userId);
}

/** Since when what it decides is done: from when it was decided, or from when a person let it go on. */
export const actingSince = ({ at, review }: Pick<DecisionRow, "at" | "review">): number => review?.at ?? at;

/** A decision with one of its actions in another state. */
export const withAction = (
  row: DecisionRow,
  index: number,
  state: DecidedAction["state"],
  at: number,
): DecidedAction[] => row.actions.map((one, place) => (place === index ? { ...one, state, at } : one));

/** What a review makes of a decision; null: it is past that. */
export function reviewed(row: DecisionRow, review: Review): Partial<DecisionRow> | null {
  const { verdict, at } = review;
  if (verdict === "reverse") {
    return isUpheld(row.state) ? { state: "reversed", review, isFollowed: false } : null;
  }
  if (row.state !== "pending") return null;
  if (verdict === "dismiss") return { state: "dismissed", review, isFollowed: false };
  const asked = row.actions.findIndex(({ state }) => state === "pending");
  return { state: "acting", review, isFollowed: false, actions: withAction(row, asked, "done", at) };
}
