import {
  type GetModerationPolicy,
  ModerationPolicyChanged,
  type PayloadOf,
  type SetModerationPolicy,
  type StandingModerationPolicy,
} from "@strata/contracts";
import { type Delivery, type Outcome, type Publisher, reply } from "@strata/messaging";
import type { ModerationPolicyStore } from "../store/moderation-policy-store.ts";

interface Deps {
  readonly moderationPolicies: ModerationPolicyStore;
  readonly publisher: Publisher;
}

/** Sets an app's policy, or takes it away. It judges from the next flag on; what was decided under another stays decided. */
export const setModerationPolicy =
  ({ moderationPolicies, publisher }: Deps) =>
  async (delivery: Delivery<PayloadOf<typeof SetModerationPolicy>>): Promise<Outcome<StandingModerationPolicy>> => {
    const { app, id, payload } = delivery;
    const standing = await moderationPolicies.put(app, payload.policy, { at: payload.at, by: id });
    const { revision, policy, updatedAt } = standing;
    await publisher.emit(
      ModerationPolicyChanged,
      app,
      { revision, isActive: policy.isActive, at: updatedAt ?? payload.at },
      { id: `${app}.moderation-policy.${revision}`, cause: delivery, subjectVersion: revision },
    );
    return reply(standing);
  };

export const getModerationPolicy =
  ({ moderationPolicies }: Pick<Deps, "moderationPolicies">) =>
  async ({ app }: Delivery<PayloadOf<typeof GetModerationPolicy>>): Promise<Outcome<StandingModerationPolicy>> =>
    reply(await moderationPolicies.find(app));
