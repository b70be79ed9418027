import { randomUUID } from "node:crypto";
import type { Cause } from "@strata/messaging";
import { isSilent } from "@strata/push-payload";
import {
  type ChunkRow,
  isPlanComplete,
  isToBeSent,
  notIn,
  planChunks,
  type PushPlan,
  type Target,
} from "./domain/chunk.ts";
import { withTimeToLive } from "./domain/time-to-live.ts";
import type { Notifications, Wording } from "./notifications.ts";
import { categoryOf, type Decision } from "./domain/policy.ts";
import type { PushDecisions } from "./push-decisions.ts";
import { sendChunk, type SendDeps } from "./send-chunk.ts";

export interface PushPlanDeps extends SendDeps {
  readonly notifications: Notifications;
  readonly decisions: PushDecisions;
}

/**
 * Plans all chunks, stored and claimed in one write, then sends them. From then on the rows are the truth: who plans the
 * same again finds them, adds what is missing, and leaves what is pending to their holder or, once that is dead, to
 * whoever finds them due.
 */
export async function carryOut(
  deps: PushPlanDeps,
  plan: PushPlan,
  targets: readonly Target[],
  cause: Cause,
): Promise<void> {
  if (targets.length === 0) return;
  // Asked first: while it is not known what to say, or to whom, nothing is claimed.
  const userIds = [...new Set(targets.map(({ userId }) => userId))];
  const wording = await deps.notifications.of(plan, userIds, cause);
  const said = withTimeToLive(asSaid(plan, wording), wording?.about?.ttlSeconds);
  const decisionOn = wording === null ? undefined : await decisionsOn(deps, firstAsked(said), userIds, wording, cause);
  const claimed = await claim(deps, said, targets, decisionOn);
  countDecided(deps, claimed);
  const now = Date.now();
  const held = claimed.filter((row) => isToBeSent(row, now));
  const sends = await Promise.allSettled(held.map((row) => sendChunk(deps, row, wording)));
  const failure = sends.find((send) => send.status === "rejected");
  if (failure) throw failure.reason;
}

/** What goes without a message says itself under which category, and how urgently; of the rest that is known before. */
const asSaid = (plan: PushPlan, wording: Wording | null): PushPlan =>
  plan.subject.kind === "notification"
    ? { ...plan, category: wording?.about?.category ?? undefined, isUrgent: wording?.about?.isUrgent }
    : plan;

/** Who blocks the sender of a message is no recipient of it; who does so while her push waits is found when it is due. */
const firstAsked = (plan: PushPlan): PushPlan =>
  plan.subject.kind === "message" ? { ...plan, senderId: undefined } : plan;

/** What policies decided when the plan was made. */
function countDecided({ metrics }: PushPlanDeps, rows: readonly ChunkRow[]): void {
  for (const { subject, outcomes, pending } of rows) {
    for (const { policy } of outcomes)
      if (policy) metrics.decided.inc({ subject: subject.kind, policy, decision: "skip" });
    for (const { waitsFor: policy } of pending)
      if (policy) metrics.decided.inc({ subject: subject.kind, policy, decision: "wait" });
  }
}

/** The chunks that this call stored, and so holds. */
async function claim(
  deps: PushPlanDeps,
  plan: PushPlan,
  targets: readonly Target[],
  decisionOn: ((userId: string) => Decision) | undefined,
): Promise<readonly ChunkRow[]> {
  const { chunks, providers, leaseMs } = deps;
  const choose = await providers.of(plan.app);
  const planBehind = (existing: readonly ChunkRow[]): readonly ChunkRow[] =>
    planChunks(
      plan,
      notIn(existing, targets),
      (target) => choose(target)?.credentialId ?? null,
      { first: existing.length, holder: randomUUID(), leaseUntil: Date.now() + leaseMs },
      decisionOn,
    );

  // Most plans are new: only a refused insert has to look at what is there.
  for (let rows = planBehind([]); rows.length > 0;) {
    if (await chunks.insertNew(rows)) return rows;
    const existing = await chunks.ofPlan(plan.planId);
    if (isPlanComplete(existing)) return [];
    rows = planBehind(existing);
  }
  return [];
}

/** What policies say of a plan, or of a chunk of one, to each of these users; their places under caps are taken. */
export function decisionsOn(
  { decisions }: Pick<PushPlanDeps, "decisions">,
  plan: Omit<PushPlan, "planId">,
  userIds: readonly string[],
  wording: Wording,
  cause?: Cause,
): Promise<(userId: string) => Decision> {
  const { app, subject, at = 0, expiresAt, isUrgent = false, hasNotification } = plan;
  const isFollowUp = "follows" in subject && subject.follows !== undefined;
  return decisions.of(
    {
      app,
      subject,
      senderId: plan.senderId ?? null,
      at,
      expiresAt,
      isUrgent,
      isFollowUp,
      userIds,
      about(userId) {
        const content = hasNotification ? wording(userId) : {};
        // An announcement has a category of its own; that of its notification is for the phone.
        const named = subject.kind === "announcement" ? plan.category : (plan.category ?? content.category);
        return { category: categoryOf(subject.kind, named), isSilent: isSilent(content) };
      },
    },
    true,
    cause,
  );
}
