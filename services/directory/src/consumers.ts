import {
  AuthenticateToken,
  CreateApp,
  CreateIdentity,
  CreateToken,
  FindUnknownUsers,
  GetApp,
  GetIdentities,
  ListApps,
  ListTokens,
  RevokeToken,
} from "@strata/contracts";
import { type Consumer, consumer, on, onGroup, type Publisher } from "@strata/messaging";
import type { Dependency } from "@strata/runtime";
import { authenticateToken } from "./handlers/authenticate-token.ts";
import { createApp } from "./handlers/create-app.ts";
import { createIdentities } from "./handlers/create-identities.ts";
import { createToken } from "./handlers/create-token.ts";
import { findUnknownUsers } from "./handlers/find-unknown-users.ts";
import { getApp } from "./handlers/get-app.ts";
import { getIdentities } from "./handlers/get-identities.ts";
import { listApps } from "./handlers/list-apps.ts";
import { listTokens } from "./handlers/list-tokens.ts";
import { revokeToken } from "./handlers/revoke-token.ts";
import type { AccountStore } from "./store/account-store.ts";
import type { AppStore } from "./store/app-store.ts";
import type { IdentityStore } from "./store/identity-store.ts";
import type { TokenStore } from "./store/token-store.ts";

interface Deps {
  readonly accounts: AccountStore;
  readonly apps: AppStore;
  readonly tokens: TokenStore;
  readonly identities: IdentityStore;
  readonly publisher: Publisher;
  readonly mongo: Dependency;
}

/** Everything this service listens to. */
export const consumers = (deps: Deps): readonly Consumer[] => [
  consumer({
    queue: "directory.admin",
    prefetch: 20,
    handlers: [on(CreateApp, createApp(deps)), on(CreateToken, createToken(deps)), on(RevokeToken, revokeToken(deps))],
    dependencies: [deps.mongo],
  }),
  consumer({
    queue: "directory.identities",
    prefetch: 200,
    handlers: [onGroup(CreateIdentity, createIdentities(deps))],
    dependencies: [deps.mongo],
  }),
  consumer({
    queue: "directory.queries",
    handlers: [
      on(AuthenticateToken, authenticateToken(deps)),
      on(GetApp, getApp(deps)),
      on(ListApps, listApps(deps)),
      on(ListTokens, listTokens(deps)),
      on(GetIdentities, getIdentities(deps)),
      on(FindUnknownUsers, findUnknownUsers(deps)),
    ],
    dependencies: [deps.mongo],
  }),
];
