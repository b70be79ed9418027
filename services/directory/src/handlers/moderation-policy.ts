import {
  type GetModerationPolicy,
  ModerationPolicyChanged,
  type PayloadOf,
  type SetModerationPolicy,
  type StandingModerationPolicy,
} from "@strata/contracts";
import { type Delivery, type Outcome, type Publisher, reply } from "@strata/messaging";
import { entryOf } from "../domain/audit.ts";
import type { AppStore } from "../store/app-store.ts";
import type { AuditStore } from "../store/audit-store.ts";
import type { ModerationPolicyStore } from "../store/moderation-policy-store.ts";

interface Deps {
  readonly moderationPolicies: ModerationPolicyStore;
  readonly apps: Pick<AppStore, "find">;
  readonly audit: Pick<AuditStore, "append">;
  readonly publisher: Publisher;
}

/** Sets an app's policy, or takes it away. It judges from the next flag on; what was decided under another stays decided. */
export const setModerationPolicy =
  (deps: Deps) =>
  async (delivery: Delivery<PayloadOf<typeof SetModerationPolicy>>): Promise<Outcome<StandingModerationPolicy>> => {
    const { moderationPolicies, publisher } = deps;
    const { app, id, payload } = delivery;
    const standing = await moderationPolicies.put(app, payload.policy, { at: payload.at, by: id });
    const { revision, policy, updatedAt } = standing;
    await publisher.emit(
      ModerationPolicyChanged,
      app,
      { revision, isActive: policy.isActive, at: updatedAt ?? payload.at },
      { id: `${app}.moderation-policy.${revision}`, cause: delivery, subjectVersion: revision },
    );
    await note(deps, delivery);
    return reply(standing);
  };

async function note(
  { moderationPolicies, apps, audit }: Deps,
  delivery: Delivery<PayloadOf<typeof SetModerationPolicy>>,
): Promise<void> {
  const { app: appId, id } = delivery;
  const [change, app] = await Promise.all([moderationPolicies.changeBy(appId, id), apps.find(appId)]);
  if (!change || !app) return;
  const { before, after } = change;
  const action = after ? "moderation_policy.set" : "moderation_policy.removed";
  const subject = { kind: "moderation_policy", id: appId };
  await audit.append(entryOf(delivery, { accountId: app.accountId, appId, action, subject, before, after }));
}

export const getModerationPolicy =
  ({ moderationPolicies }: Pick<Deps, "moderationPolicies">) =>
  async ({ app }: Delivery<PayloadOf<typeof GetModerationPolicy>>): Promise<Outcome<StandingModerationPolicy>> =>
    reply(await moderationPolicies.find(app));
