import { createHash, createPublicKey } from "node:crypto";
import type { CredentialFacts, PushCredential } from "@strata/contracts";

const NOTHING = {
  projectId: null,
  clientEmail: null,
  teamId: null,
  keyId: null,
  bundleId: null,
  environment: null,
  publicKey: null,
} as const;

/** What may be shown of a credential. */
export function factsOf(credential: PushCredential): CredentialFacts {
  if (credential.kind === "fcm") {
    const { project_id: projectId, client_email: clientEmail, private_key: pem } = credential.serviceAccount;
    const keyId = credential.serviceAccount["private_key_id"];
    return {
      ...NOTHING,
      projectId,
      clientEmail,
      keyId: typeof keyId === "string" ? keyId : null,
      fingerprint: fingerprintOf(pem),
    };
  }
  if (credential.kind === "webpush") {
    const { publicKey } = credential;
    return { ...NOTHING, publicKey, fingerprint: digestOf(Buffer.from(publicKey, "base64url")) };
  }
  const { teamId, keyId, bundleId, environment, privateKey } = credential;
  return { ...NOTHING, teamId, keyId, bundleId, environment, fingerprint: fingerprintOf(privateKey) };
}

/** Of the public half, so that it gives nothing away and is the same however the file is written. */
function fingerprintOf(pem: string): string {
  try {
    const publicKey = createPublicKey(pem).export({ type: "spki", format: "der" });
    return digestOf(publicKey);
  } catch {
    // No key: it will be refused when it is used, and until then it has no fingerprint to compare.
    return "none";
  }
}

const digestOf = (publicKey: Buffer): string => `sha256:${createHash("sha256").update(publicKey).digest("base64url")}`;
