import type { PayloadOf, ReplyOf, SetPushPolicy } from "@strata/contracts";
import { isTimeZone } from "@strata/local-time";
import { type Handler, refuse, reply } from "@strata/messaging";
import { DomainError } from "@strata/runtime";
import type { PushPolicies } from "../push-policies.ts";
import type { PolicyStore } from "../store/policy-store.ts";

interface Deps {
  readonly policies: PolicyStore;
  readonly pushPolicies: Pick<PushPolicies, "forget">;
}

/** Sets an app's policy, which decides in every process within two seconds. Answers what holds then. */
export const setPushPolicy =
  ({ policies, pushPolicies }: Deps): Handler<PayloadOf<typeof SetPushPolicy>, ReplyOf<typeof SetPushPolicy>> =>
  async ({ app, id: by, payload: { policy, at } }) => {
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
    return reply((await policies.find(app)) ?? policy);
  };
