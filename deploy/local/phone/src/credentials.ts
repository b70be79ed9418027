import { generateKeyPairSync, randomBytes } from "node:crypto";
import { mkdir, readFile } from "node:fs/promises";
import { join } from "node:path";
import { z } from "zod";
import { writeWhole } from "./certificates.ts";

const ServiceAccount = z.looseObject({
  type: z.literal("service_account"),
  project_id: z.string(),
  private_key_id: z.string(),
  private_key: z.string(),
  client_email: z.string(),
  token_uri: z.string(),
});
const ApnsKey = z.object({ keyId: z.string(), teamId: z.string(), topic: z.string(), key: z.string() });
const Stored = z.object({
  serviceAccount: ServiceAccount,
  serviceAccountPublicKey: z.string(),
  apnsKey: ApnsKey,
  apnsPublicKey: z.string(),
});

/** A Google service account file, as the Firebase console hands it out. */
export type ServiceAccountFile = z.infer<typeof ServiceAccount>;
/** An Apple token signing key with the ids that belong to it, and the app's topic (bundle id). */
export type ApnsKeyFile = z.infer<typeof ApnsKey>;
/** The credentials with which an app may push to this phone: made once, so that a seeded app keeps working. */
export type PhoneCredentials = z.infer<typeof Stored>;

/** Reads the phone's own credentials from `dataDir`, or makes them there. */
export async function loadCredentials(dataDir: string): Promise<PhoneCredentials> {
  const file = join(dataDir, "credentials.json");
  const stored = await readFile(file, "utf8").catch(() => null);
  if (stored !== null) return Stored.parse(JSON.parse(stored));
  await mkdir(dataDir, { recursive: true, mode: 0o700 });
  const made = makeCredentials();
  await writeWhole(file, JSON.stringify(made, null, 2));
  return made;
}

function makeCredentials(): PhoneCredentials {
  const publicKeyEncoding = { type: "spki", format: "pem" } as const;
  const privateKeyEncoding = { type: "pkcs8", format: "pem" } as const;
  const rsa = generateKeyPairSync("rsa", { modulusLength: 2_048, publicKeyEncoding, privateKeyEncoding });
  const ec = generateKeyPairSync("ec", { namedCurve: "P-256", publicKeyEncoding, privateKeyEncoding });
  return {
    serviceAccount: {
      type: "service_account",
      project_id: "strata-local",
      private_key_id: randomBytes(20).toString("hex"),
      private_key: rsa.privateKey,
      client_email: "push@strata-local.iam.gserviceaccount.com",
      token_uri: "https://oauth2.googleapis.com/token",
    },
    serviceAccountPublicKey: rsa.publicKey,
    apnsKey: { keyId: "STRATAKEY1", teamId: "STRATATEAM", topic: "dev.strata.demo", key: ec.privateKey },
    apnsPublicKey: ec.publicKey,
  };
}
