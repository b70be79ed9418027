import { createECDH, createPrivateKey } from "node:crypto";
import type { PushCredential } from "@strata/contracts";
import { invalidProperty, isUuid, parseBySchema, requireJsonObject, requireProperties } from "@strata/layer-protocol";
import { z } from "zod";

const Text = z.string().min(1).max(1_024);
const Pem = z.string().min(1).max(16_384);

/** A service account key file, as Google hands it out. */
const FcmCredentialBody = z.object({
  kind: z.literal("fcm"),
  service_account: z.object({ project_id: Text, client_email: Text, private_key: Pem }).loose(),
});

/** An APNs authentication key; `private_key` is the content of the .p8 file. */
const ApnsCredentialBody = z.object({
  kind: z.literal("apns"),
  team_id: Text,
  key_id: Text,
  private_key: Pem,
  bundle_id: Text,
  environment: z.enum(["production", "development"]),
});

/** A VAPID key pair in base64url, as `npx web-push generate-vapid-keys` prints it. */
const WebPushCredentialBody = z.object({
  kind: z.literal("webpush"),
  subject: Text,
  public_key: Text,
  private_key: Text,
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

/**
 * Parses a push credential. A key that cannot be read is refused here, where somebody sees it, and not at the first push.
 * @throws LayerError 400 `invalid_request`; 422 `missing_property`; 422 `invalid_property`
 */
export function parsePushCredential(body: unknown): PushCredential {
  const fields = requireJsonObject(body);
  requireProperties(fields, ["kind"]);
  if (fields["kind"] === "fcm") {
    requireProperties(fields, ["service_account"]);
    const { service_account: serviceAccount } = parseBySchema(FcmCredentialBody, fields);
    requireKey(serviceAccount.private_key, "rsa", "service_account.private_key");
    return { kind: "fcm", serviceAccount };
  }
  if (fields["kind"] === "webpush") return parseVapid(fields);
  if (fields["kind"] !== "apns") throw invalidProperty("kind", "must be fcm, apns or webpush");
  requireProperties(fields, ["team_id", "key_id", "private_key", "bundle_id", "environment"]);
  const apns = parseBySchema(ApnsCredentialBody, fields);
  requireKey(apns.private_key, "ec", "private_key");
  return {
    kind: "apns",
    teamId: apns.team_id,
    keyId: apns.key_id,
    privateKey: apns.private_key,
    bundleId: apns.bundle_id,
    environment: apns.environment,
  };
}

/** A real address or site: Apple refuses every push under another, with no more than `BadJwtToken`. */
const VAPID_SUBJECT = /^(?:mailto:[^@\s]+@|https:\/\/)[a-z0-9-]+(?:\.[a-z0-9-]+)+(?:[/?:]\S*)?$/i;

function parseVapid(fields: Readonly<Record<string, unknown>>): PushCredential {
  requireProperties(fields, ["subject", "public_key", "private_key"]);
  const { subject, public_key: publicKey, private_key: privateKey } = parseBySchema(WebPushCredentialBody, fields);
  if (!VAPID_SUBJECT.test(subject)) {
    throw invalidProperty("subject", "must be a mailto: or https: address that push services can turn to");
  }
  const derived = publicKeyOf(privateKey);
  if (derived === null) throw invalidProperty("private_key", "must be a P-256 key of 32 bytes in base64url");
  if (derived !== publicKey.replace(/=+$/, "")) {
    throw invalidProperty("public_key", "must be the key that belongs to private_key, in base64url");
  }
  return { kind: "webpush", subject, publicKey: derived, privateKey: privateKey.replace(/=+$/, "") };
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
