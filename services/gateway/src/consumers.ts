import {
  AppChanged,
  AppSettingsChanged,
  SessionEnded,
  SessionsEnded,
  TokenChanged,
  TokenRevoked,
  UserDeleted,
  UserSuspended,
} from "@strata/contracts";
import type { SessionCache, SettingsCache } from "@strata/doors";
import { type Consumer, consumer, on } from "@strata/messaging";
import { forgetApp } from "./handlers/forget-app.ts";
import { forgetSession, forgetSessions } from "./handlers/forget-sessions.ts";
import { forgetSettings } from "./handlers/forget-settings.ts";
import { forgetToken } from "./handlers/forget-token.ts";
import { forgetUser } from "./handlers/forget-user.ts";
import type { GrantCache } from "./http/grant-cache.ts";
import type { KnownUsers } from "./routes/known-users.ts";

interface Caches {
  readonly grants: GrantCache;
  readonly sessions: SessionCache;
  readonly settings: SettingsCache;
  readonly users: KnownUsers;
}

/** Everything this service listens to. */
export const consumers = ({ grants, sessions, settings, users }: Caches): readonly Consumer[] => [
  consumer({
    queue: "gateway.token-revocations",
    scope: "instance",
    handlers: [on(TokenRevoked, forgetToken({ grants })), on(TokenChanged, forgetToken({ grants }))],
    onGap: () => grants.forgetAll(),
  }),
  consumer({
    queue: "gateway.ended-sessions",
    scope: "instance",
    handlers: [
      on(SessionEnded, forgetSession({ sessions })),
      on(SessionsEnded, forgetSessions({ sessions })),
      on(UserSuspended, forgetSessions({ sessions })),
    ],
    onGap: () => sessions.forgetAll(),
  }),
  consumer({
    queue: "gateway.changed-apps",
    scope: "instance",
    handlers: [on(AppChanged, forgetApp({ grants, sessions }))],
    onGap: () => {
      grants.forgetAll();
      sessions.forgetAll();
    },
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
    handlers: [on(UserDeleted, forgetUser({ users, sessions }))],
    onGap: () => {
      users.forgetAll();
      sessions.forgetAll();
    },
  }),
];
