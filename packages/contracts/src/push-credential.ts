import { z } from "zod";
import { defineCommand } from "./define.ts";

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
 * gateway before it leaves it, so that neither the broker's disk nor the database ever holds a key in clear.
 */
export const PutPushCredential = defineCommand({
  service: "push-delivery",
  lane: "admin",
  name: "PutPushCredential",
  version: 1,
  payload: z.object({ credentialId: z.uuid(), kind: z.enum(["fcm", "apns", "webpush"]), sealed: z.string() }),
});
