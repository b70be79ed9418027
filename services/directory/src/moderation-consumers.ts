import {
  FlagUser,
  GetFlag,
  GetModerationPolicy,
  ListFlags,
  SetModerationPolicy,
  WithdrawFlag,
} from "@strata/contracts";
import { on, type Publisher, type Subscription } from "@strata/messaging";
import { flagUser } from "./handlers/flag-user.ts";
import { getFlag, listFlags, withdrawFlag } from "./handlers/flags.ts";
import { getModerationPolicy, setModerationPolicy } from "./handlers/moderation-policy.ts";
import type { FlagStore } from "./store/flag-store.ts";
import type { IdentityStore } from "./store/identity-store.ts";
import type { ModerationPolicyStore } from "./store/moderation-policy-store.ts";

export interface ModerationDeps {
  readonly identities: IdentityStore;
  readonly flags: FlagStore;
  readonly moderationPolicies: ModerationPolicyStore;
  readonly publisher: Publisher;
}

/** What flags of one user come to, in her own lane: one writer for all of it. */
export const moderationInLane = (deps: ModerationDeps): readonly Subscription[] => [
  on(FlagUser, flagUser(deps)),
  on(WithdrawFlag, withdrawFlag(deps)),
];

export const moderationAdmin = (deps: ModerationDeps): readonly Subscription[] => [
  on(SetModerationPolicy, setModerationPolicy(deps)),
];

export const moderationQueries = (deps: ModerationDeps): readonly Subscription[] => [
  on(GetFlag, getFlag(deps)),
  on(ListFlags, listFlags(deps)),
  on(GetModerationPolicy, getModerationPolicy(deps)),
];
