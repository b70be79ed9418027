import {
  CountFlags,
  FlagUser,
  GetDecision,
  GetFlag,
  GetModeration,
  GetModerationPolicy,
  ListFlags,
  ListModerationQueue,
  ReviewDecision,
  ReviewFlags,
  SetModerationPolicy,
  SimulateModeration,
  WithdrawFlag,
} from "@strata/contracts";
import { on, type Subscription } from "@strata/messaging";
import { flagUser } from "./handlers/flag-user.ts";
import { getFlag, listFlags, withdrawFlag } from "./handlers/flags.ts";
import { getDecision, getModeration, listModerationQueue, simulateModeration } from "./handlers/get-moderation.ts";
import { getModerationPolicy, setModerationPolicy } from "./handlers/moderation-policy.ts";
import { countFlagsAnew, reviewDecision, reviewFlags } from "./handlers/review-moderation.ts";
import type { JudgingDeps } from "./moderating/judge.ts";
import type { AppStore } from "./store/app-store.ts";
import type { AuditStore } from "./store/audit-store.ts";
import type { ModerationPolicyStore } from "./store/moderation-policy-store.ts";

export interface ModerationDeps extends JudgingDeps {
  readonly moderationPolicies: ModerationPolicyStore;
  readonly apps: Pick<AppStore, "find">;
  readonly audit: Pick<AuditStore, "append">;
}

/** What flags of one user come to, in her own lane: one writer for all of it. */
export const moderationInLane = (deps: ModerationDeps): readonly Subscription[] => [
  on(FlagUser, flagUser(deps)),
  on(WithdrawFlag, withdrawFlag(deps)),
  on(ReviewDecision, reviewDecision(deps)),
  on(ReviewFlags, reviewFlags(deps)),
  on(CountFlags, countFlagsAnew(deps)),
];

export const moderationAdmin = (deps: ModerationDeps): readonly Subscription[] => [
  on(SetModerationPolicy, setModerationPolicy(deps)),
];

export const moderationQueries = (deps: ModerationDeps): readonly Subscription[] => [
  on(GetFlag, getFlag(deps)),
  on(ListFlags, listFlags(deps)),
  on(GetModerationPolicy, getModerationPolicy(deps)),
  on(GetModeration, getModeration(deps)),
  on(GetDecision, getDecision(deps)),
  on(ListModerationQueue, listModerationQueue(deps)),
  on(SimulateModeration, simulateModeration(deps)),
];
