import { X509Certificate } from "node:crypto";
import { mkdir, readFile, rename, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { generate } from "selfsigned";

/** What a TLS server needs, and the CA that clients must trust to reach it. */
export interface Certificates {
  readonly caPem: string;
  readonly certPem: string;
  readonly keyPem: string;
  /** Where `caPem` lies, for clients that take a file name (PUSH_CA_FILE). */
  readonly caFile: string;
}

// firebase-admin and google-auth-library dial fixed hosts; with these names a client can be sent here and still check the name.
const SUBJECT_NAMES = ["localhost", "fcm.googleapis.com", "oauth2.googleapis.com", "api.push.apple.com"];
const ADDRESSES = ["127.0.0.1", "::1"];
const DAY_MS = 86_400_000;
const VALID_DAYS = 825; // The longest that Apple's TLS clients accept.
const RENEW_BEFORE_DAYS = 30;

/**
 * The certificates in `dataDir`, made there at the first start and again shortly before they run out. The CA's private key is
 * forgotten once the server certificate is signed, so that nothing else can ever be signed by a CA that developers trust.
 */
export async function loadCertificates(dataDir: string): Promise<Certificates> {
  const caFile = join(dataDir, "ca.pem");
  const stored = await readStored(dataDir, caFile);
  if (stored !== null && isFresh(stored.certPem)) return stored;
  await mkdir(dataDir, { recursive: true, mode: 0o700 });
  const made = await makeCertificates();
  await writeWhole(join(dataDir, "server.key"), made.keyPem);
  await writeWhole(join(dataDir, "server.pem"), made.certPem);
  await writeWhole(caFile, made.caPem);
  return { ...made, caFile };
}

/** Writes a file so that a reader, or a start after a kill, sees the old content or the new, never half of it. */
export async function writeWhole(file: string, content: string): Promise<void> {
  await writeFile(`${file}.new`, content, { mode: 0o600 });
  await rename(`${file}.new`, file);
}

async function readStored(dataDir: string, caFile: string): Promise<Certificates | null> {
  try {
    const [caPem, certPem, keyPem] = await Promise.all([
      readFile(caFile, "utf8"),
      readFile(join(dataDir, "server.pem"), "utf8"),
      readFile(join(dataDir, "server.key"), "utf8"),
    ]);
    // A kill between two of the three writes leaves a pair that does not belong together.
    return new X509Certificate(certPem).verify(new X509Certificate(caPem).publicKey)
      ? { caPem, certPem, keyPem, caFile }
      : null;
  } catch {
    return null;
  }
}

const isFresh = (certPem: string): boolean =>
  Date.parse(new X509Certificate(certPem).validTo) - Date.now() > RENEW_BEFORE_DAYS * DAY_MS;

async function makeCertificates(): Promise<Omit<Certificates, "caFile">> {
  const shared = {
    keyType: "ec",
    curve: "P-256",
    algorithm: "sha256",
    notBeforeDate: new Date(Date.now() - DAY_MS),
    notAfterDate: new Date(Date.now() + VALID_DAYS * DAY_MS),
  } as const;
  const ca = await generate([{ name: "commonName", value: "Strata local phone CA" }], {
    ...shared,
    extensions: [
      { name: "basicConstraints", cA: true, pathLenConstraint: 0, critical: true },
      { name: "keyUsage", keyCertSign: true, cRLSign: true, critical: true },
    ],
  });
  const server = await generate([{ name: "commonName", value: "localhost" }], {
    ...shared,
    ca: { key: ca.private, cert: ca.cert },
    extensions: [
      { name: "basicConstraints", cA: false, critical: true },
      { name: "extKeyUsage", serverAuth: true },
      {
        name: "subjectAltName",
        altNames: [
          ...SUBJECT_NAMES.map((value) => ({ type: 2 as const, value })),
          ...ADDRESSES.map((ip) => ({ type: 7 as const, ip })),
        ],
      },
    ],
  });
  return { caPem: ca.cert, certPem: server.cert, keyPem: server.private };
}
