import { randomUUID } from "node:crypto";
import {
  type App,
  AppSettings,
  AppSettingsChanged,
  AuthenticateToken,
  CreateApp,
  ChangeAppSettings,
  createToken,
  CreateToken,
  DEFAULT_APP_SETTINGS,
  GetApp,
  GetAppSettings,
  GetToken,
  type Grant,
  type IdentityFields,
  type PayloadOf,
  ListApps,
  ListAudit,
  ListTokens,
  NO_APP,
  RecordTokenUses,
  RevokeToken,
  type Scope,
  type Token,
  tokenHash,
  TokenRevoked,
  UserDeleted,
} from "@strata/contracts";
import { ack, type Broker, consumer, type Consumer, on, refuse, reply } from "@strata/messaging";
import { DomainError } from "@strata/runtime";
import { sessionContracts, type SessionsPeer, sessionsPeer } from "./directory-sessions.ts";
import { anIdentity, userContracts, type UserRow, usersPeer } from "./directory-users.ts";

type StoredToken = Token & { readonly hash: string };

/** What the gateway sees of the directory, kept in memory: the protocol is the real one, the rules are the least of it. */
export interface DirectoryPeer {
  readonly accountId: string;
  /** How often each token's hash was asked about. */
  readonly asked: Map<string, number>;
  /** Sessions, and the keys that let users in. */
  readonly logins: SessionsPeer;
  /** Of how many users each question for personal facts was. */
  readonly factsAsked: number[];
  aToken(options?: { app?: string | null; account?: string; scopes?: Scope[]; expiresAt?: number | null }): string;
  anApp(options?: { account?: string }): string;
  aUser(appId: string, userId: string, displayName?: string, fields?: Partial<IdentityFields>): void;
  /** What it knows of a user; undefined for who is not known. */
  userRow(appId: string, userId: string): UserRow | undefined;
  hasUser(appId: string, userId: string): boolean;
  /** The user is deleted, and all hear of it. */
  forget(appId: string, userId: string): Promise<void>;
  revoke(text: string): Promise<void>;
  setSettings(appId: string, changes: Partial<AppSettings>): Promise<void>;
}

export const directoryContracts = [
  AuthenticateToken,
  ...userContracts,
  ...sessionContracts,
  GetApp,
  GetAppSettings,
  GetToken,
  ListApps,
  ListTokens,
  ListAudit,
  CreateApp,
  ChangeAppSettings,
  CreateToken,
  RevokeToken,
  RecordTokenUses,
  TokenRevoked,
  AppSettingsChanged,
] as const;

export function directoryPeer(broker: () => Broker): { peer: DirectoryPeer; rows: readonly Consumer[] } {
  const accountId = `account-${randomUUID()}`;
  const apps = new Map<string, App & { by: string }>();
  const tokens = new Map<string, StoredToken & { by: string }>();
  const users = usersPeer(broker);
  const logins = sessionsPeer(broker, (app, userId) => users.make(app, userId));
  const settings = new Map<string, AppSettings>();
  const asked = new Map<string, number>();

  const grantOf = ({ tokenId, accountId: account, appId, scopes, expiresAt }: StoredToken): Grant => ({
    tokenId,
    accountId: account,
    appId,
    scopes,
    expiresAt,
  });
  const tokensOf = (account: string): StoredToken[] =>
    [...tokens.values()].filter((token) => token.accountId === account);
  const end = async (token: StoredToken & { by: string }): Promise<void> => {
    tokens.set(token.tokenId, { ...token, revokedAt: Date.now() });
    await broker().emit(TokenRevoked, token.appId ?? NO_APP, { tokenId: token.tokenId, hash: token.hash });
  };
  const withHash = (hash: string) => [...tokens.values()].find((token) => token.hash === hash);

  const settingsOf = (app: string): AppSettings => settings.get(app) ?? DEFAULT_APP_SETTINGS;
  const setSettings = async (app: string, changes: PayloadOf<typeof ChangeAppSettings>["settings"]): Promise<void> => {
    settings.set(app, AppSettings.parse({ ...settingsOf(app), ...changes }));
    await broker().emit(AppSettingsChanged, app, { appId: app, version: Date.now() });
  };

  const rows = [
    consumer({
      queue: "directory.queries",
      handlers: [
        on(AuthenticateToken, async ({ payload }) => {
          asked.set(payload.hash, (asked.get(payload.hash) ?? 0) + 1);
          const token = withHash(payload.hash);
          return reply({ grant: token && token.revokedAt === null ? grantOf(token) : null });
        }),
        ...users.queries,
        ...logins.queries,
        on(GetApp, async ({ app, payload }) => {
          const found = apps.get(app);
          return reply({ app: found?.accountId === payload.accountId ? found : null });
        }),
        on(GetAppSettings, async ({ app }) => reply({ settings: settingsOf(app) })),
        on(ListApps, async ({ payload }) =>
          reply({ apps: [...apps.values()].filter((app) => app.accountId === payload.accountId) }),
        ),
        on(ListAudit, async ({ payload }) => reply({ entries: payload.after === null ? [] : null })),
        on(ListTokens, async ({ payload: { accountId: account, appId } }) =>
          reply({ tokens: tokensOf(account).filter((token) => token.appId === appId) }),
        ),
        on(GetToken, async ({ payload: { accountId: account, tokenId } }) =>
          reply({ token: tokensOf(account).find((token) => token.tokenId === tokenId) ?? null }),
        ),
      ],
    }),
    consumer({
      queue: "directory.admin",
      handlers: [
        ...logins.admin,
        on(CreateApp, async ({ id, payload }) => {
          const app = apps.get(payload.appId) ?? { ...payload, createdAt: Date.now(), by: id };
          apps.set(app.appId, app);
          if (app.by === id) return reply(app);
          return refuse(new DomainError("id_in_use", app.accountId === payload.accountId ? { app } : {}));
        }),
        on(CreateToken, async ({ id, payload }) => {
          const token = tokens.get(payload.tokenId) ?? { ...payload, createdAt: Date.now(), revokedAt: null, by: id };
          tokens.set(token.tokenId, token);
          return token.by === id ? reply(token) : refuse(new DomainError("id_in_use", { token }));
        }),
        on(ChangeAppSettings, async ({ payload: { appId, accountId: owner, settings: changes } }) => {
          const app = apps.get(appId);
          if (!app || (owner !== null && app.accountId !== owner)) return refuse(new DomainError("not_found"));
          await setSettings(appId, changes);
          return reply(settingsOf(appId));
        }),
        on(RecordTokenUses, async () => ack),
        on(RevokeToken, async ({ payload }) => {
          const token = tokens.get(payload.tokenId);
          if (token?.accountId !== payload.accountId) return refuse(new DomainError("not_found"));
          await end(token);
          return ack;
        }),
      ],
    }),
    consumer({
      queue: "directory.identities",
      handlers: [...users.ordered, ...logins.ordered],
    }),
    consumer({ queue: "directory.sessions", handlers: logins.unordered }),
    consumer({ queue: "directory.users", handlers: users.unordered }),
  ];

  const peer: DirectoryPeer = {
    accountId,
    asked,
    logins,
    factsAsked: users.factsAsked,
    aToken({ app = null, account = accountId, scopes, expiresAt = null } = {}) {
      const text = createToken();
      const tokenId = randomUUID();
      tokens.set(tokenId, {
        tokenId,
        accountId: account,
        appId: app,
        scopes: scopes ?? (app === null ? ["account:admin"] : ["app:read", "app:write"]),
        expiresAt,
        name: "test",
        createdAt: Date.now(),
        revokedAt: null,
        hash: tokenHash(text),
        by: "test",
      });
      return text;
    },
    anApp({ account = accountId } = {}) {
      const appId = randomUUID();
      apps.set(appId, { appId, accountId: account, name: "Shop", createdAt: Date.now(), by: "test" });
      return appId;
    },
    aUser(appId, userId, displayName = `User ${userId}`, fields = {}) {
      users.make(appId, userId).identity = anIdentity(userId, { ...fields, displayName }, "test");
    },
    userRow: (appId, userId) => users.users.get(`${appId}/${userId}`),
    hasUser: (appId, userId) => users.users.has(`${appId}/${userId}`),
    async forget(appId, userId) {
      users.users.delete(`${appId}/${userId}`);
      await broker().emit(UserDeleted, appId, { userId, at: Date.now() });
    },
    async revoke(text) {
      const token = withHash(tokenHash(text));
      if (token) await end(token);
    },
    setSettings,
  };
  return { peer, rows };
}
