import { AppSettingsChanged, TokenRevoked, UserDeleted } from "@strata/contracts";
import { type Consumer, consumer, on } from "@strata/messaging";
import { forgetSettings } from "./handlers/forget-settings.ts";
import { forgetToken } from "./handlers/forget-token.ts";
import { forgetUser } from "./handlers/forget-user.ts";
import type { GrantCache } from "./http/grant-cache.ts";
import type { SettingsCache } from "./http/settings-cache.ts";
import type { KnownUsers } from "./routes/known-users.ts";

interface Caches {
  readonly grants: GrantCache;
  readonly settings: SettingsCache;
  readonly users: KnownUsers;
}

/** Everything this service listens to. */
export const consumers = ({ grants, settings, users }: Caches): readonly Consumer[] => [
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
  consumer({
    queue: "gateway.forgotten-users",
    scope: "instance",
    handlers: [on(UserDeleted, forgetUser({ users }))],
    onGap: () => users.forgetAll(),
  }),
];
