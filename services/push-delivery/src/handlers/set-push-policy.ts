import type { PayloadOf, PushPolicy, ReplyOf, SetPushPolicy } from "@strata/contracts";
import { isTimeZone } from "@strata/local-time";
import { type Handler, type Publisher, recordAct, refuse, reply } from "@strata/messaging";
import { DomainError } from "@strata/runtime";
import type { PushPolicies } from "../push-policies.ts";
import type { PolicyStore } from "../store/policy-store.ts";

interface Deps {
  readonly policies: PolicyStore;
  readonly pushPolicies: Pick<PushPolicies, "forget">;
  readonly publisher: Pick<Publisher, "send">;
}

/** Sets an app's policy, which decides in every process within two seconds. Answers what holds then. */
export const setPushPolicy =
  ({
    policies,
    pushPolicies,
    publisher,
  }: Deps): Handler<PayloadOf<typeof SetPushPolicy>, ReplyOf<typeof SetPushPolicy>> =>
  async (delivery) => {
    const { app, id: by, payload } = delivery;
    const { policy, at } = payload;
    if (!isTimeZone(policy.fallbackTimeZone)) {
      return refuse(
        new DomainError(
          "invalid_property",
          { property: "fallback_time_zone" },
          { message: `fallback_time_zone is no IANA time zone: ${policy.fallbackTimeZone}` },
        ),
      );
    }
    await policies.put(app, policy, { at, by });
    pushPolicies.forget(app);
    const change = await policies.changeBy(app, by);
    if (change) {
      await recordAct(publisher, delivery, {
        action: "push_policy.set",
        subject: { kind: "push_policy", id: app },
        before: change.before && factsOf(change.before),
        after: factsOf(change.after),
      });
    }
    return reply((await policies.find(app)) ?? policy);
  };

/** By category whether it has rules of its own, which say the rest. */
const factsOf = ({ categories, ...defaults }: PushPolicy) => ({ ...defaults, categories: Object.keys(categories) });
