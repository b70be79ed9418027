import { z } from "zod";
import { Actor } from "./actor.ts";
import { defineCommand, defineQuery } from "./define.ts";
import { AppId, Millis } from "./values.ts";

/** Who vouches for an app's users: its own backend, whose keys sign identity tokens (client API 3.2). */
export const IdentityProvider = z.object({
  providerId: z.uuid(),
  appId: AppId,
  name: z.string(),
  createdAt: Millis,
});
export type IdentityProvider = z.infer<typeof IdentityProvider>;

/** `deleted` for good; what is `disabled` may be enabled again. */
export const IdentityKeyState = z.enum(["enabled", "disabled", "deleted"]);
export type IdentityKeyState = z.infer<typeof IdentityKeyState>;

/** A public key of a provider; the private one never comes here. */
export const IdentityKey = z.object({
  keyId: z.uuid(),
  providerId: z.uuid(),
  /** RSA, as PEM of its SubjectPublicKeyInfo. */
  publicKey: z.string(),
  state: IdentityKeyState,
  createdAt: Millis,
});
export type IdentityKey = z.infer<typeof IdentityKey>;

const administered = { service: "directory", lane: "admin", version: 1 } as const;
/** The app must belong to the account; another's is not there. */
const ofApp = { appId: AppId, accountId: z.string(), actor: Actor.optional() };

/** Binds a provider to an app. Refused: `not_found` (`app_id`); `id_in_use` with the provider of this app. */
export const CreateIdentityProvider = defineCommand({
  ...administered,
  name: "CreateIdentityProvider",
  payload: z.object({ ...ofApp, providerId: z.uuid(), name: z.string().min(1).max(128) }),
  reply: IdentityProvider,
});

/** Adds a key to a provider. Refused: `not_found` (`app_id`, `provider_id`); `id_in_use` with the key of this app. */
export const CreateIdentityKey = defineCommand({
  ...administered,
  name: "CreateIdentityKey",
  payload: z.object({ ...ofApp, providerId: z.uuid(), keyId: z.uuid(), publicKey: z.string().max(8_192) }),
  reply: IdentityKey,
});

/** Disables, enables or deletes a key. Refused: `not_found` for none, and for one that was deleted before. */
export const ChangeIdentityKey = defineCommand({
  ...administered,
  name: "ChangeIdentityKey",
  payload: z.object({ ...ofApp, providerId: z.uuid(), keyId: z.uuid(), state: IdentityKeyState }),
  reply: IdentityKey,
});

/** The providers of the request's app, oldest first. */
export const ListIdentityProviders = defineQuery({
  service: "directory",
  name: "ListIdentityProviders",
  version: 1,
  payload: z.object({}),
  reply: z.object({ providers: z.array(IdentityProvider) }),
});

/** The keys of a provider of the request's app, oldest first, without deleted ones; null: there is no such provider. */
export const ListIdentityKeys = defineQuery({
  service: "directory",
  name: "ListIdentityKeys",
  version: 1,
  payload: z.object({ providerId: z.uuid() }),
  reply: z.object({ keys: z.array(IdentityKey).nullable() }),
});

/** The key of the request's app under this id, deleted or not; another app's is not there. */
export const FindIdentityKey = defineQuery({
  service: "directory",
  name: "FindIdentityKey",
  version: 1,
  payload: z.object({ keyId: z.uuid() }),
  reply: z.object({ key: IdentityKey.nullable() }),
});
