import { AppSettingsChanged, TokenRevoked } from "@strata/contracts";
import { type Consumer, consumer, on } from "@strata/messaging";
import { forgetSettings } from "./handlers/forget-settings.ts";
import { forgetToken } from "./handlers/forget-token.ts";
import type { GrantCache } from "./http/grant-cache.ts";
import type { SettingsCache } from "./http/settings-cache.ts";

interface Caches {
  readonly grants: GrantCache;
  readonly settings: SettingsCache;
}

/** Everything this service listens to. */
export const consumers = ({ grants, settings }: Caches): readonly Consumer[] => [
  consumer({
    queue: "gateway.token-revocations",
    scope: "instance",
    handlers: [on(TokenRevoked, forgetToken({ grants }))],
    onGap: () => grants.forgetAll(),
  }),
  consumer({
    queue: "gateway.app-settings",
    scope: "instance",
    handlers: [on(AppSettingsChanged, forgetSettings({ settings }))],
    onGap: () => settings.forgetAll(),
  }),
];
