import type { DecidedAction, Flag, FlagWeighing, ModerationDecision, QueuedUser, Review } from "@strata/contracts";
import {
  appUrl,
  formatOptionalTime,
  formatTime,
  formatUserReference,
  invalidProperty,
  objectUri,
  parseBySchema,
  parseTime,
  requireJsonObject,
  requireProperties,
  userUrl,
  type WireContext,
} from "@strata/layer-protocol";
import { z } from "zod";
import { flagView } from "./flags.ts";
import { actionView, parseModerationPolicy } from "./moderation-policy.ts";

const text = (max: number) =>
  z
    .string()
    .max(max)
    .refine((value) => value.isWellFormed(), "has an unpaired surrogate");

const shape = {
  by: text(256).min(1).meta({ description: "Who says so: a person's name, as the app knows it" }),
  note: text(2_000).nullish().meta({ description: "Why; kept with what was said" }),
};

/** The body of `POST …/moderation/decisions/:decision/reverse`. */
export const WireReversal = z.object(shape);

/** The body of `POST …/moderation/decisions/:decision` and `POST …/users/:user/moderation/review`. */
export const WireReview = z.object({
  verdict: z.enum(["confirm", "dismiss"]).meta({
    description: "`confirm`: the flags are right, and what waits is done; `dismiss`: they are not, and count no more",
  }),
  ...shape,
});

/**
 * @throws LayerError 400 `invalid_request`; 422 `missing_property` or `invalid_property`
 */
export function parseReview(body: unknown): Review {
  const fields = requireJsonObject(body);
  requireProperties(fields, ["verdict", "by"]);
  const { verdict, by, note } = parseBySchema(WireReview, fields);
  return { verdict, by, note: note ?? null, at: Date.now() };
}

/**
 * @throws LayerError 400 `invalid_request`; 422 `missing_property` or `invalid_property`
 */
export function parseReversal(body: unknown): Review {
  const fields = requireJsonObject(body);
  requireProperties(fields, ["by"]);
  const { by, note } = parseBySchema(WireReversal, fields);
  return { verdict: "reverse", by, note: note ?? null, at: Date.now() };
}

/**
 * The body of `POST …/moderation/policy/simulate`.
 * @throws LayerError 400 `invalid_request`; 422 `missing_property` or `invalid_property`
 */
export function parseSimulation(body: unknown) {
  const fields = requireJsonObject(body);
  requireProperties(fields, ["policy", "since"]);
  const policy = parseModerationPolicy(fields["policy"], "policy");
  const since = parseTime(fields["since"]);
  if (since === null) throw invalidProperty("since", "must be a time in ISO 8601 with its offset");
  return { policy, since };
}

const reviewView = ({ verdict, by, note, at }: Review) => ({ verdict, by, note, at: formatTime(at) });

/** Whom or what an action is about, where there is something to count or to name. */
const decidedActionView = ({ action, state, at, targets }: DecidedAction) => ({
  ...actionView(action),
  state,
  at: formatTime(at),
  ...(action.kind === "hide_message" ? { messages: targets.map((id) => objectUri("messages", id)) } : {}),
  ...(action.kind === "block_flaggers" ? { blocks: targets.length } : {}),
});

export const decisionView = (wire: WireContext, decision: ModerationDecision) => ({
  id: objectUri("decisions", decision.decisionId),
  url: `${appUrl(wire)}/moderation/decisions/${decision.decisionId}`,
  user: formatUserReference(wire.version, decision.userId),
  threshold: decision.threshold,
  score: decision.score,
  episode: decision.episode,
  policy_revision: decision.revision,
  state: decision.state,
  at: formatTime(decision.at),
  actions: decision.actions.map(decidedActionView),
  flags: decision.flags.map(({ flagId, by, messageId, reason, weight }) => ({
    id: objectUri("flags", flagId),
    by: formatUserReference(wire.version, by),
    message: messageId === null ? null : objectUri("messages", messageId),
    reason,
    weight,
  })),
  review: decision.review && reviewView(decision.review),
});

interface Moderation {
  readonly userId: string;
  readonly revision: number;
  readonly policy: { readonly isActive: boolean; readonly thresholds: readonly { readonly score: number }[] };
  readonly score: number;
  readonly flags: readonly { readonly flag: Flag; readonly weight: number; readonly weighing: FlagWeighing }[];
  readonly decisions: readonly ModerationDecision[];
  readonly isSuspended: boolean;
  readonly mutedUntil: number | null;
  readonly review: Review | null;
}

export const moderationView = (wire: WireContext, moderation: Moderation) => ({
  user: formatUserReference(wire.version, moderation.userId),
  url: `${userUrl(wire, moderation.userId)}/moderation`,
  score: moderation.score,
  policy_is_active: moderation.policy.isActive,
  policy_revision: moderation.revision,
  next_threshold: moderation.policy.thresholds.find(({ score }) => score > moderation.score)?.score ?? null,
  suspended: moderation.isSuspended,
  muted_until: formatOptionalTime(moderation.mutedUntil),
  flags: moderation.flags.map(({ flag, weight, weighing }) => ({ ...flagView(wire, flag), weight, weighing })),
  decisions: moderation.decisions.map((decision) => decisionView(wire, decision)),
  review: moderation.review && reviewView(moderation.review),
});

export const queuedUserView = (wire: WireContext, queued: QueuedUser) => ({
  user: formatUserReference(wire.version, queued.userId),
  url: `${userUrl(wire, queued.userId)}/moderation`,
  score: queued.score,
  open_flags: queued.openFlags,
  pending_decisions: queued.pendingDecisions,
  oldest_at: formatTime(queued.oldestAt),
  newest_flag_at: formatTime(queued.newestFlagAt),
});
