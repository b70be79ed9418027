import { generateKeyPairSync, randomUUID } from "node:crypto";
import {
  AuthenticateSession,
  ChangeIdentityKey,
  CreateIdentityKey,
  CreateIdentityProvider,
  CreateSession,
  createSessionToken,
  EndSession,
  FindIdentityKey,
  type IdentityClaims,
  type IdentityKey,
  type IdentityProvider,
  ListIdentityKeys,
  ListIdentityProviders,
  readSessionToken,
  type Session,
  SessionEnded,
  SessionsEnded,
  UserSuspended,
} from "@strata/contracts";
import { ack, type Broker, on, refuse, reply, type Subscription } from "@strata/messaging";
import { DomainError } from "@strata/runtime";
import type { UserRow } from "./directory-users.ts";

/** An identity provider's key with its private half, as an app's backend has it. */
export interface SigningKey {
  readonly providerId: string;
  readonly keyId: string;
  /** PEM of PKCS #8. */
  readonly privateKey: string;
}

export interface SessionsPeer {
  /** By `<app>/<hash>`. */
  readonly sessions: Map<string, Session>;
  /** How often each session token's hash was asked about. */
  readonly asked: Map<string, number>;
  /** What identity tokens said, by user id. */
  readonly claims: Map<string, IdentityClaims>;
  /** How often a key was asked for. */
  keysAsked(): number;
  aKey(app: string, state?: IdentityKey["state"]): SigningKey;
  /** The token of a session that has begun. */
  aSession(app: string, userId: string, expiresAt?: number): string;
  readonly queries: readonly Subscription[];
  readonly admin: readonly Subscription[];
  readonly ordered: readonly Subscription[];
  readonly unordered: readonly Subscription[];
}

export const sessionContracts = [
  AuthenticateSession,
  FindIdentityKey,
  ListIdentityKeys,
  ListIdentityProviders,
  CreateIdentityProvider,
  CreateIdentityKey,
  ChangeIdentityKey,
  CreateSession,
  EndSession,
  SessionEnded,
  SessionsEnded,
  UserSuspended,
] as const;

/** Made once: keys of this length take their time. */
const pair = generateKeyPairSync("rsa", {
  modulusLength: 2_048,
  publicKeyEncoding: { type: "spki", format: "pem" },
  privateKeyEncoding: { type: "pkcs8", format: "pem" },
});

export function sessionsPeer(broker: () => Broker, user: (app: string, userId: string) => UserRow): SessionsPeer {
  const sessions = new Map<string, Session>();
  const asked = new Map<string, number>();
  const claims = new Map<string, IdentityClaims>();
  const nonces = new Set<string>();
  const providers = new Map<string, IdentityProvider & { by: string }>();
  const keys = new Map<string, IdentityKey & { by: string }>();
  let keysAsked = 0;

  return {
    sessions,
    asked,
    claims,
    keysAsked: () => keysAsked,
    aKey(app, state = "enabled") {
      const [providerId, keyId] = [randomUUID(), randomUUID()];
      const { publicKey, privateKey } = pair;
      keys.set(`${app}/${keyId}`, { keyId, providerId, publicKey, state, createdAt: 1, by: "test" });
      return { providerId, keyId, privateKey };
    },
    aSession(app, userId, expiresAt = Date.now() + 600_000) {
      user(app, userId);
      const text = createSessionToken(app);
      sessions.set(`${app}/${readSessionToken(text)?.hash}`, { userId, expiresAt });
      return text;
    },
    queries: [
      on(AuthenticateSession, async ({ app, payload: { hash } }) => {
        asked.set(hash, (asked.get(hash) ?? 0) + 1);
        const session = sessions.get(`${app}/${hash}`);
        return reply({ session: session && !user(app, session.userId).isSuspended ? session : null });
      }),
      on(FindIdentityKey, async ({ app, payload: { keyId } }) => {
        keysAsked += 1;
        return reply({ key: keys.get(`${app}/${keyId}`) ?? null });
      }),
      on(ListIdentityProviders, async ({ app }) =>
        reply({ providers: [...providers.values()].filter(({ appId }) => appId === app) }),
      ),
      on(ListIdentityKeys, async ({ app, payload: { providerId } }) =>
        reply({
          keys: providers.has(`${app}/${providerId}`)
            ? [...keys.values()].filter((key) => key.providerId === providerId && key.state !== "deleted")
            : null,
        }),
      ),
    ],
    admin: [
      on(CreateIdentityProvider, async ({ id, payload: { appId, providerId, name } }) => {
        const key = `${appId}/${providerId}`;
        const provider = providers.get(key) ?? { appId, providerId, name, createdAt: Date.now(), by: id };
        providers.set(key, provider);
        return provider.by === id ? reply(provider) : refuse(new DomainError("id_in_use", { provider }));
      }),
      on(CreateIdentityKey, async ({ id, payload: { appId, providerId, keyId, publicKey } }) => {
        if (!providers.has(`${appId}/${providerId}`)) return refuse(new DomainError("not_found"));
        const made = { keyId, providerId, publicKey, state: "enabled" as const, createdAt: Date.now(), by: id };
        const key = keys.get(`${appId}/${keyId}`) ?? made;
        keys.set(`${appId}/${keyId}`, key);
        return key.by === id ? reply(key) : refuse(new DomainError("id_in_use", { key }));
      }),
      on(ChangeIdentityKey, async ({ payload: { appId, providerId, keyId, state } }) => {
        const key = keys.get(`${appId}/${keyId}`);
        if (key?.providerId !== providerId || key.state === "deleted") return refuse(new DomainError("not_found"));
        const changed = { ...key, state };
        keys.set(`${appId}/${keyId}`, changed);
        return reply(changed);
      }),
    ],
    ordered: [
      on(CreateSession, async ({ app, payload }) => {
        if (user(app, payload.userId).isSuspended) return refuse(new DomainError("user_suspended"));
        const nonce = `${app}/${payload.nonce}`;
        if (nonces.has(nonce)) return refuse(new DomainError("conflict", { property: "nonce" }));
        nonces.add(nonce);
        claims.set(payload.userId, payload.claims);
        const session = { userId: payload.userId, expiresAt: Date.now() + 600_000 };
        sessions.set(`${app}/${payload.hash}`, session);
        return reply(session);
      }),
    ],
    unordered: [
      on(EndSession, async ({ app, payload: { hash, at } }) => {
        const session = sessions.get(`${app}/${hash}`);
        if (!session) return ack;
        sessions.delete(`${app}/${hash}`);
        await broker().emit(SessionEnded, app, { userId: session.userId, hash, at });
        return ack;
      }),
    ],
  };
}
