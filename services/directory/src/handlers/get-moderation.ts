import {
  type GetDecision,
  type GetModeration,
  type ListModerationQueue,
  ModerationDecision,
  type PayloadOf,
  type ReplyOf,
  SIMULATED_AT_ONCE,
  type SimulateModeration,
} from "@strata/contracts";
import { type Delivery, type Outcome, reply } from "@strata/messaging";
import { flagOf } from "../domain/flag.ts";
import { scoreOf } from "../domain/moderation.ts";
import { replay } from "../domain/replay-moderation.ts";
import { findDiscredited, type JudgingDeps, weighFlags } from "../moderating/judge.ts";

/** Why a user's flags came to what they did. */
export const getModeration =
  (deps: JudgingDeps) =>
  async ({
    app,
    payload,
  }: Delivery<PayloadOf<typeof GetModeration>>): Promise<Outcome<ReplyOf<typeof GetModeration>>> => {
    const { userId, at } = payload;
    const [user, { policy, revision }] = await Promise.all([
      deps.identities.find(app, userId),
      deps.moderationPolicies.find(app),
    ]);
    if (user?.userId === undefined) return reply({ moderation: null });
    const [weighed, decisions, muted, review] = await Promise.all([
      weighFlags(deps, app, userId, policy, at),
      deps.decisions.ofUser(app, userId),
      deps.mutes.findMuted(app, [userId], at),
      deps.moderatedUsers.findReview(app, userId),
    ]);
    return reply({
      moderation: {
        userId,
        revision,
        policy,
        score: scoreOf(weighed),
        flags: [...weighed],
        decisions: decisions.map((row) => ModerationDecision.parse(row)),
        isSuspended: user.isSuspended,
        mutedUntil: muted.get(userId) ?? null,
        review,
      },
    });
  };

export const getDecision =
  ({ decisions }: Pick<JudgingDeps, "decisions">) =>
  async ({ app, payload }: Delivery<PayloadOf<typeof GetDecision>>): Promise<Outcome<ReplyOf<typeof GetDecision>>> => {
    const row = await decisions.find(app, payload.decisionId);
    return reply({ decision: row && ModerationDecision.parse(row) });
  };

export const listModerationQueue =
  ({ moderatedUsers }: Pick<JudgingDeps, "moderatedUsers">) =>
  async ({
    app,
    payload: { order, after, limit },
  }: Delivery<PayloadOf<typeof ListModerationQueue>>): Promise<Outcome<ReplyOf<typeof ListModerationQueue>>> => {
    const [users, total] = await Promise.all([
      moderatedUsers.list(app, order, after, limit),
      moderatedUsers.count(app),
    ]);
    return reply({ users: users && [...users], total });
  };

/** One user after the other, so that memory holds the flags of one; nothing is written. */
export const simulateModeration =
  (deps: JudgingDeps) =>
  async ({
    app,
    payload,
  }: Delivery<PayloadOf<typeof SimulateModeration>>): Promise<Outcome<ReplyOf<typeof SimulateModeration>>> => {
    const { policy, since, after, at } = payload;
    const { userIds, next } = await deps.moderatedUsers.flaggedSince(app, since, after, SIMULATED_AT_ONCE);
    const users: ReplyOf<typeof SimulateModeration>["users"] = [];
    for (const userId of userIds) {
      const flags = (await deps.flags.findScored(app, userId)).flatMap((row) => flagOf(row) ?? []);
      const recent = flags.filter(({ createdAt }) => createdAt >= since);
      const replayed = replay(recent, policy, await findDiscredited(deps, app, recent, at));
      if (replayed.length === 0) continue;
      const decisions = replayed.map(({ threshold, score, at: then }) => ({
        threshold: threshold.score,
        score,
        at: then,
        actions: threshold.actions,
      }));
      users.push({ userId, decisions });
    }
    return reply({ lookedAt: userIds.length, users, next });
  };
