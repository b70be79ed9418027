import { z } from "zod";
import { Actor } from "./actor.ts";
import { defineCommand, defineQuery } from "./define.ts";
import { Millis, NotificationContent, UserId } from "./values.ts";

export const FcmCredential = z.object({
  kind: z.literal("fcm"),
  /** The service account key file, as Google hands it out. */
  serviceAccount: z.object({ project_id: z.string(), client_email: z.string(), private_key: z.string() }).loose(),
});
export const ApnsCredential = z.object({
  kind: z.literal("apns"),
  teamId: z.string(),
  keyId: z.string(),
  /** PKCS#8 PEM of the .p8 file. */
  privateKey: z.string(),
  bundleId: z.string(),
  environment: z.enum(["production", "development"]),
});
/** A VAPID key pair (RFC 8292), in base64url: `publicKey` is what browsers subscribe with. */
export const WebPushCredential = z.object({
  kind: z.literal("webpush"),
  /** Whom a push service may turn to: a `mailto:` or `https:` address. */
  subject: z.string(),
  publicKey: z.string(),
  privateKey: z.string(),
});
export const PushCredential = z.discriminatedUnion("kind", [FcmCredential, ApnsCredential, WebPushCredential]);
export type PushCredential = z.infer<typeof PushCredential>;

/**
 * Sets the credential under which an app pushes. `sealed` is the JSON of a PushCredential, sealed (AES-256-GCM) by the
 * gateway before it leaves it, so that neither the broker's disk nor the database ever holds a key in clear. Unless
 * `check` is false its provider is asked first, and what that refuses is not stored: `invalid_property` names what is
 * wrong, in the provider's own word. A provider that does not answer in time is `service_unavailable`.
 */
export const PutPushCredential = defineCommand({
  service: "push-delivery",
  lane: "admin",
  name: "PutPushCredential",
  version: 1,
  payload: z.object({
    credentialId: z.uuid(),
    kind: z.enum(["fcm", "apns", "webpush"]),
    sealed: z.string(),
    check: z.boolean().optional(),
    /** When the credential ends, as far as its owner knows. Only told and warned of: it is its provider who refuses. */
    expiresAt: Millis.nullable().optional(),
    actor: Actor.optional(),
  }),
});

/**
 * `paused`: the provider set a time, or cannot be reached. `unreadable`: sealed with a key that this deployment has not.
 * `unused`: neither checked nor used yet.
 */
export const CredentialState = z.enum(["ok", "refused", "paused", "unreadable", "unused"]);
export type CredentialState = z.infer<typeof CredentialState>;

/** What may be shown of a credential: nothing that opens anything. What its kind has not is null. */
export const CredentialFacts = z.object({
  projectId: z.string().nullable(),
  clientEmail: z.string().nullable(),
  teamId: z.string().nullable(),
  keyId: z.string().nullable(),
  bundleId: z.string().nullable(),
  environment: z.enum(["production", "development"]).nullable(),
  /** Of a VAPID pair: what browsers subscribe with. */
  publicKey: z.string().nullable(),
  /** SHA-256 of the public half of its key: tells two keys apart, and is the same wherever that key is used. */
  fingerprint: z.string(),
});
export type CredentialFacts = z.infer<typeof CredentialFacts>;

export const PushCredentialInfo = z.object({
  credentialId: z.string(),
  kind: z.enum(["fcm", "apns", "webpush"]),
  /** Null: it cannot be opened, and never was. */
  facts: CredentialFacts.nullable(),
  createdAt: Millis,
  changedAt: Millis,
  expiresAt: Millis.nullable(),
  state: CredentialState,
  since: Millis,
  /** The provider's own word for the state; null where there is nothing to say. */
  reason: z.string().nullable(),
  /** When it is asked again, of a pause. */
  retryAt: Millis.nullable(),
  /** Pushes that had to wait and still do. */
  waitingPushes: z.number().int(),
});
export type PushCredentialInfo = z.infer<typeof PushCredentialInfo>;

/** An app's credentials, the newest first; deleted ones are not there. */
export const ListPushCredentials = defineQuery({
  service: "push-delivery",
  name: "ListPushCredentials",
  version: 1,
  payload: z.object({ credentialId: z.uuid().nullable() }),
  reply: z.object({ credentials: z.array(PushCredentialInfo) }),
});

/**
 * Removes a credential; one that is put by a command sent before does not come back, however late it comes. Pushes that
 * wait for it are tried at once, through what other credential serves their devices, else they fail (`no_credential`).
 */
export const DeletePushCredential = defineCommand({
  service: "push-delivery",
  lane: "admin",
  name: "DeletePushCredential",
  version: 1,
  payload: z.object({ credentialId: z.uuid(), actor: Actor.optional() }),
  /** False: there was none, nor has there been one that was deleted. */
  reply: z.object({ isKnown: z.boolean() }),
});

/** A registered device, or a token as its provider hands it out. */
export const CanaryTarget = z.union([
  z.object({ token: z.string().min(1).max(4_096) }),
  z.object({ userId: UserId, deviceId: z.string().min(1).max(256) }),
]);

/** What a provider said to one push, word by word. Status null: it said nothing, and `reason` says why. */
export const CanaryAnswer = z.object({
  isAccepted: z.boolean(),
  status: z.number().int().nullable(),
  reason: z.string().nullable(),
  providerId: z.string().nullable(),
  durationMs: z.number().int().nonnegative(),
});
export type CanaryAnswer = z.infer<typeof CanaryAnswer>;

/**
 * Sends one push through one credential, whatever its state, and answers what its provider said. Nothing follows from
 * it: no token is forgotten, no lane closed. A repeat of the command sends nothing again.
 */
export const SendCanary = defineCommand({
  service: "push-delivery",
  lane: "canaries",
  name: "SendCanary",
  version: 1,
  payload: z.object({ credentialId: z.uuid(), target: CanaryTarget, notification: NotificationContent }),
  reply: CanaryAnswer,
});
