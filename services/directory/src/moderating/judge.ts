import { type Flag, FlagState, type ModerationPolicy, type StandingModerationPolicy } from "@strata/contracts";
import type { Delivery } from "@strata/messaging";
import { decisionOf, type DecisionRow } from "../domain/decision.ts";
import { flagOf } from "../domain/flag.ts";
import { crossed, type Discredited, scoreOf, type ScoredFlag, weigh, type Weighed } from "../domain/moderation.ts";
import type { IdentityStore } from "../store/identity-store.ts";
import type { ModeratedUserStore } from "../store/moderated-user-store.ts";
import type { ModerationPolicyStore } from "../store/moderation-policy-store.ts";
import type { MuteStore } from "../store/mute-store.ts";
import { followDecision, type FollowingDeps } from "./follow-decision.ts";

export interface JudgingDeps extends FollowingDeps {
  readonly moderationPolicies: Pick<ModerationPolicyStore, "find">;
  readonly moderatedUsers: ModeratedUserStore;
}

/** About whom, and when. */
interface Subject {
  readonly userId: string;
  readonly at: number;
}

/**
 * Sees what the flags against a user come to now: decides where they cross a threshold, and does what follows from it. In
 * her lane, so that nobody else does meanwhile. What was left undone of earlier decisions is done first.
 */
export async function judge(
  deps: JudgingDeps,
  cause: Delivery<unknown>,
  subject: Subject,
  standing: StandingModerationPolicy,
): Promise<void> {
  const { app } = cause;
  const { userId, at } = subject;
  const decisions = await followAll(deps, await deps.decisions.ofUser(app, userId), cause);
  const weighed = await weighFlags(deps, app, userId, standing.policy, at);
  const made = await decide(deps, cause, subject, { standing, decisions, weighed });
  await count(deps, app, userId, { weighed, decisions: [...decisions, ...made] });
}

/** The same without deciding anything: it can only have become less. */
export async function countFlags(deps: JudgingDeps, cause: Delivery<unknown>, subject: Subject): Promise<void> {
  const { app } = cause;
  const { policy } = await deps.moderationPolicies.find(app);
  const decisions = await followAll(deps, await deps.decisions.ofUser(app, subject.userId), cause);
  await count(deps, app, subject.userId, {
    decisions,
    weighed: await weighFlags(deps, app, subject.userId, policy, subject.at),
  });
}

async function followAll(
  deps: JudgingDeps,
  decisions: readonly DecisionRow[],
  cause: Delivery<unknown>,
): Promise<readonly DecisionRow[]> {
  const followed = [];
  for (const decision of decisions) followed.push(await followDecision(deps, decision, cause));
  return followed;
}

interface Found {
  readonly standing: StandingModerationPolicy;
  readonly decisions: readonly DecisionRow[];
  readonly weighed: readonly Weighed<Flag>[];
}

async function decide(
  deps: JudgingDeps,
  cause: Delivery<unknown>,
  { userId, at }: Subject,
  { standing: { policy, revision }, decisions, weighed }: Found,
): Promise<readonly DecisionRow[]> {
  if (!policy.isActive) return [];
  const made: DecisionRow[] = [];
  for (const threshold of crossed(scoreOf(weighed), policy, decisions, at)) {
    const { app } = cause;
    const user = await deps.identities.find(app, userId);
    const row = decisionOf({
      app,
      userId,
      threshold,
      revision,
      at,
      earlier: [...decisions, ...made],
      weighed,
      isSuspended: user?.isSuspended ?? false,
    });
    made.push(await followDecision(deps, await deps.decisions.insertOrFind(row), cause));
  }
  return made;
}

type Scoring = Pick<JudgingDeps, "flags"> & DiscreditingDeps;

/** The flags of a user that are scored, the newest first, with what each weighs now. */
export async function weighFlags(
  deps: Scoring,
  app: string,
  userId: string,
  policy: ModerationPolicy,
  at: number,
): Promise<readonly Weighed<Flag>[]> {
  const flags = (await deps.flags.findScored(app, userId)).flatMap((row) => flagOf(row) ?? []);
  return weigh(flags, policy, await findDiscredited(deps, app, flags, at), at);
}

interface DiscreditingDeps {
  readonly identities: Pick<IdentityStore, "findSuspended">;
  readonly mutes: Pick<MuteStore, "findMuted">;
}

/** Whose word counts for nothing now. */
export async function findDiscredited(
  { identities, mutes }: DiscreditingDeps,
  app: string,
  flags: readonly ScoredFlag[],
  at: number,
): Promise<Discredited> {
  const flaggers = [...new Set(flags.map(({ by }) => by))];
  if (flaggers.length === 0) return { suspended: new Set(), muted: new Set() };
  const [suspended, muted] = await Promise.all([
    identities.findSuspended(app, flaggers),
    mutes.findMuted(app, flaggers, at),
  ]);
  return { suspended: new Set(suspended), muted: new Set(muted.keys()) };
}

async function count(
  deps: JudgingDeps,
  app: string,
  userId: string,
  { weighed, decisions }: Pick<Found, "weighed" | "decisions">,
): Promise<void> {
  const open = weighed.flatMap(({ flag }) => (flag.state === FlagState.enum.open ? [flag.createdAt] : []));
  const pending = decisions.flatMap(({ state, at }) => (state === "pending" ? [at] : []));
  const newestFlagAt = Math.max(0, ...weighed.map(({ flag }) => flag.createdAt));
  await deps.moderatedUsers.put(app, userId, {
    score: scoreOf(weighed),
    openFlags: open.length,
    pendingDecisions: pending.length,
    oldestAt: [...open, ...pending].reduce((oldest, one) => Math.min(oldest, one), newestFlagAt),
    newestFlagAt,
  });
}
