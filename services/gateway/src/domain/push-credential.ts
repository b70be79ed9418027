import { createECDH, createPrivateKey } from "node:crypto";
import type { NotificationContent, PayloadOf, PushCredential, SendCanary } from "@strata/contracts";
import {
  invalidProperty,
  isUuid,
  type LayerVersion,
  parseBySchema,
  parseNotification,
  requireDeviceId,
  requireJsonObject,
  requireProperties,
  requireUserId,
} from "@strata/layer-protocol";
import { z } from "zod";

const Text = z.string().min(1).max(1_024);
const Pem = z.string().min(1).max(16_384);
const ExpiresAt = z.iso.datetime({ offset: true }).nullish().meta({
  description: "When the key ends, where it does: shown, and warned of within 30 days. Its provider decides",
});

/** A service account key file, as Google hands it out. */
const FcmCredentialBody = z.object({
  kind: z.literal("fcm"),
  service_account: z.object({ project_id: Text, client_email: Text, private_key: Pem }).loose(),
  expires_at: ExpiresAt,
});

/** An APNs authentication key; `private_key` is the content of the .p8 file. */
const ApnsCredentialBody = z.object({
  kind: z.literal("apns"),
  team_id: Text,
  key_id: Text,
  private_key: Pem,
  bundle_id: Text,
  environment: z.enum(["production", "development"]),
  expires_at: ExpiresAt,
});

/** A VAPID key pair in base64url, as `npx web-push generate-vapid-keys` prints it. */
const WebPushCredentialBody = z.object({
  kind: z.literal("webpush"),
  subject: Text,
  public_key: Text,
  private_key: Text,
  expires_at: ExpiresAt,
});

/** The body of `PUT /accounts/apps/:app/push_credentials/:id`. */
export const PushCredentialBody = z
  .discriminatedUnion("kind", [FcmCredentialBody, ApnsCredentialBody, WebPushCredentialBody])
  .meta({
    example: {
      kind: "apns",
      team_id: "TEAM123456",
      key_id: "KEY1234567",
      private_key: "-----BEGIN PRIVATE KEY-----\n…\n-----END PRIVATE KEY-----\n",
      bundle_id: "com.example.shop",
      environment: "production",
    },
  });
interface WantedCredential {
  readonly credential: PushCredential;
  readonly expiresAt: number | null;
}

const expiryOf = ({ expires_at: at }: { readonly expires_at?: string | null | undefined }): number | null =>
  at ? Date.parse(at) : null;

/**
 * Parses a push credential. A key that cannot be read is refused here, where somebody sees it, and not at the first push.
 * @throws LayerError 400 `invalid_request`; 422 `missing_property`; 422 `invalid_property`
 */
export function parsePushCredential(body: unknown): WantedCredential {
  const fields = requireJsonObject(body);
  requireProperties(fields, ["kind"]);
  if (fields["kind"] === "fcm") {
    requireProperties(fields, ["service_account"]);
    const fcm = parseBySchema(FcmCredentialBody, fields);
    const { service_account: serviceAccount } = fcm;
    requireKey(serviceAccount.private_key, "rsa", "service_account.private_key");
    return { credential: { kind: "fcm", serviceAccount }, expiresAt: expiryOf(fcm) };
  }
  if (fields["kind"] === "webpush") return parseVapid(fields);
  if (fields["kind"] !== "apns") throw invalidProperty("kind", "must be fcm, apns or webpush");
  requireProperties(fields, ["team_id", "key_id", "private_key", "bundle_id", "environment"]);
  const apns = parseBySchema(ApnsCredentialBody, fields);
  requireKey(apns.private_key, "ec", "private_key");
  const { team_id: teamId, key_id: keyId, private_key: privateKey, bundle_id: bundleId, environment } = apns;
  return {
    credential: { kind: "apns", teamId, keyId, privateKey, bundleId, environment },
    expiresAt: expiryOf(apns),
  };
}

/** A real address or site: Apple refuses every push under another, with no more than `BadJwtToken`. */
const VAPID_SUBJECT = /^(?:mailto:[^@\s]+@|https:\/\/)[a-z0-9-]+(?:\.[a-z0-9-]+)+(?:[/?:]\S*)?$/i;

function parseVapid(fields: Readonly<Record<string, unknown>>): WantedCredential {
  requireProperties(fields, ["subject", "public_key", "private_key"]);
  const vapid = parseBySchema(WebPushCredentialBody, fields);
  const { subject, public_key: publicKey, private_key: privateKey } = vapid;
  if (!VAPID_SUBJECT.test(subject)) {
    throw invalidProperty("subject", "must be a mailto: or https: address that push services can turn to");
  }
  const derived = publicKeyOf(privateKey);
  if (derived === null) throw invalidProperty("private_key", "must be a P-256 key of 32 bytes in base64url");
  if (derived !== publicKey.replace(/=+$/, "")) {
    throw invalidProperty("public_key", "must be the key that belongs to private_key, in base64url");
  }
  const credential = {
    kind: "webpush",
    subject,
    publicKey: derived,
    privateKey: privateKey.replace(/=+$/, ""),
  } as const;
  return { credential, expiresAt: expiryOf(vapid) };
}

function publicKeyOf(privateKey: string): string | null {
  if (!/^[\w-]{43}=?$/.test(privateKey)) return null;
  try {
    const pair = createECDH("prime256v1");
    pair.setPrivateKey(privateKey, "base64url");
    return pair.getPublicKey("base64url");
  } catch {
    return null;
  }
}

function requireKey(pem: string, type: "rsa" | "ec", property: string): void {
  if (keyTypeOf(pem) !== type) throw invalidProperty(property, `must be a private ${type.toUpperCase()} key in PEM`);
}

function keyTypeOf(pem: string): string | undefined {
  try {
    return createPrivateKey(pem).asymmetricKeyType;
  } catch {
    return undefined;
  }
}

/** @throws LayerError 422 `invalid_property` */
export function requireCredentialId(text: string): string {
  if (!isUuid(text)) throw invalidProperty("push_credential_id", "must be a UUID");
  return text.toLowerCase();
}

/**
 * Whether the provider is to be asked before the credential is stored.
 * @throws LayerError 422 `invalid_property` `check`
 */
export function parseCheck(query: Readonly<Record<string, unknown>>): boolean {
  const { check } = query;
  if (check === undefined || check === "true") return true;
  if (check !== "false") throw invalidProperty("check", "must be true or false");
  return false;
}

/** Whom a canary is for: a token, or a user's device. */
export const CanaryTargetBody = z.object({
  token: z.string().min(1).max(4_096).nullish(),
  user_id: z.string().nullish(),
  device_id: z.string().nullish(),
});

type Canary = Pick<PayloadOf<typeof SendCanary>, "target" | "notification">;

const isAbsent = (value: unknown): boolean => value === undefined || value === null;

const CANARY: NotificationContent & { readonly recipients?: undefined } = {
  title: "Canary",
  text: "This app can push to this device.",
};

/**
 * Parses whom a canary is for, and what it says.
 * @throws LayerError 400 `invalid_request`; 422 `missing_property` or `invalid_property`
 */
export function parseCanary(version: LayerVersion, body: unknown): Canary {
  const fields = requireJsonObject(body);
  const { recipients, ...content } = parseNotification(version, fields["notification"]) ?? CANARY;
  if (recipients !== undefined) throw invalidProperty("notification.recipients", "has no meaning for one device");
  if (isAbsent(fields["token"])) {
    requireProperties(fields, ["user_id", "device_id"]);
    const { user_id: userId, device_id: deviceId } = parseBySchema(CanaryTargetBody, fields);
    const target = { userId: requireUserId(userId ?? ""), deviceId: requireDeviceId(deviceId ?? "") };
    return { target, notification: content };
  }
  if (!isAbsent(fields["user_id"])) throw invalidProperty("user_id", "cannot be given beside a token");
  if (!isAbsent(fields["device_id"])) throw invalidProperty("device_id", "cannot be given beside a token");
  const { token } = parseBySchema(CanaryTargetBody, fields);
  return { target: { token: token ?? "" }, notification: content };
}
