import { AppChanged, type ServiceName } from "@strata/contracts";
import type { AppPurges, Dependency } from "@strata/runtime";
import { type Consumer, consumer } from "./consumer.ts";
import { ack } from "./outcome.ts";
import { on } from "./subscription.ts";

/** Has what a service keeps of an app removed once the app's grace is over: the same in every service that keeps anything. */
export const purgedApps = (service: ServiceName, purges: AppPurges, mongo: Dependency): Consumer =>
  consumer({
    queue: `${service}.purged-apps`,
    handlers: [
      on(AppChanged, async ({ payload: { appId, state } }) => {
        if (state === "purged") await purges.begin(appId);
        return ack;
      }),
    ],
    dependencies: [mongo],
  });
