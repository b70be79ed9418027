import { randomUUID } from "node:crypto";
import {
  type App,
  type AppSettings,
  AppSettingsChanged,
  AuthenticateToken,
  CreateApp,
  CreateIdentity,
  createToken,
  CreateToken,
  FindUnknownUsers,
  GetApp,
  GetAppSettings,
  GetIdentities,
  type Grant,
  type Identity,
  ListApps,
  ListTokens,
  NO_APP,
  partitionOf,
  RevokeToken,
  type Scope,
  type Token,
  tokenHash,
  TokenRevoked,
} from "@strata/contracts";
import { ack, type Broker, consumer, type Consumer, on, refuse, reply } from "@strata/messaging";
import { DomainError } from "@strata/runtime";

type StoredToken = Token & { readonly hash: string };

/** What the gateway sees of the directory, kept in memory: the protocol is the real one, the rules are the least of it. */
export interface DirectoryPeer {
  readonly accountId: string;
  /** How often each token's hash was asked about. */
  readonly asked: Map<string, number>;
  aToken(options?: { app?: string | null; account?: string; scopes?: Scope[]; expiresAt?: number | null }): string;
  anApp(options?: { account?: string }): string;
  aUser(appId: string, userId: string, displayName?: string): void;
  hasUser(appId: string, userId: string): boolean;
  revoke(text: string): Promise<void>;
  setSettings(appId: string, changes: Partial<AppSettings>): Promise<void>;
}

export const directoryContracts = [
  AuthenticateToken,
  FindUnknownUsers,
  GetApp,
  GetAppSettings,
  GetIdentities,
  ListApps,
  ListTokens,
  CreateApp,
  CreateIdentity,
  CreateToken,
  RevokeToken,
  TokenRevoked,
  AppSettingsChanged,
] as const;

export function directoryPeer(broker: () => Broker): { peer: DirectoryPeer; rows: readonly Consumer[] } {
  const accountId = `account-${randomUUID()}`;
  const apps = new Map<string, App & { by: string }>();
  const tokens = new Map<string, StoredToken & { by: string }>();
  const identities = new Map<string, Identity & { by: string }>();
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

  const settingsOf = (app: string): AppSettings => settings.get(app) ?? DEFAULT_SETTINGS;
  const setSettings = async (app: string, changes: Partial<AppSettings>): Promise<void> => {
    settings.set(app, { ...settingsOf(app), ...changes });
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
        on(FindUnknownUsers, async ({ app, payload }) =>
          reply({ unknown: payload.userIds.filter((userId) => !identities.has(`${app}/${userId}`)) }),
        ),
        on(GetIdentities, async ({ app, payload }) =>
          reply({ identities: payload.userIds.flatMap((userId) => identities.get(`${app}/${userId}`) ?? []) }),
        ),
        on(GetApp, async ({ app, payload }) => {
          const found = apps.get(app);
          return reply({ app: found?.accountId === payload.accountId ? found : null });
        }),
        on(GetAppSettings, async ({ app }) => reply({ settings: settingsOf(app) })),
        on(ListApps, async ({ payload }) =>
          reply({ apps: [...apps.values()].filter((app) => app.accountId === payload.accountId) }),
        ),
        on(ListTokens, async ({ payload }) => reply({ tokens: tokensOf(payload.accountId) })),
      ],
    }),
    consumer({
      queue: "directory.admin",
      handlers: [
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
      handlers: [
        on(CreateIdentity, async ({ app, id, payload: { userId, fields } }) => {
          const key = `${app}/${userId}`;
          const made = { ...fields, userId, partition: partitionOf(userId), createdAt: Date.now(), version: 1, by: id };
          const identity = identities.get(key) ?? made;
          identities.set(key, identity);
          return identity.by === id ? reply(identity) : refuse(new DomainError("conflict", { property: "user_id" }));
        }),
      ],
    }),
  ];

  const peer: DirectoryPeer = {
    accountId,
    asked,
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
    aUser(appId, userId, displayName = `User ${userId}`) {
      identities.set(`${appId}/${userId}`, anIdentity(userId, displayName));
    },
    hasUser: (appId, userId) => identities.has(`${appId}/${userId}`),
    async revoke(text) {
      const token = withHash(tokenHash(text));
      if (token) await end(token);
    },
    setSettings,
  };
  return { peer, rows };
}

const DEFAULT_SETTINGS: AppSettings = {
  sessionTtlSeconds: 2_592_000,
  maxParticipants: 250,
  maxConversationMetadataBytes: 2_048,
  maxAnnouncementRecipients: 100_000,
  maxPartsPerMessage: 1_000,
  showsPhoneNumbers: false,
  showsEmailAddresses: false,
  showsMetadata: false,
};

const anIdentity = (userId: string, displayName: string) => ({
  userId,
  displayName,
  avatarUrl: null,
  firstName: null,
  lastName: null,
  phoneNumber: null,
  emailAddress: null,
  identityType: "user" as const,
  publicKey: null,
  metadata: {},
  partition: partitionOf(userId),
  createdAt: Date.now(),
  version: 1,
  by: "test",
});
