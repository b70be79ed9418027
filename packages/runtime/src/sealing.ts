import { createCipheriv, createDecipheriv, createHash, randomBytes } from "node:crypto";

const ALGORITHM = "aes-256-gcm";
/** `v2.<key id>.<nonce>.<tag>.<data>`; `v1`, which is still opened, does not say with which key it was sealed. */
const VERSION = "v2";
const VERSION_WITHOUT_KEY_ID = "v1";
const KEY_BYTES = 32;
const KEY_ID_BYTES = 6;
const IV_BYTES = 12;
const TAG_BYTES = 16;

/** The sealed text cannot be opened: wrong key, changed text, or not a sealed text at all. Which one is not told. */
export class SealError extends Error {
  constructor(message: string, options?: { readonly cause?: unknown }) {
    super(message, options);
    this.name = "SealError";
  }
}

const checkedKey = (key: Buffer): Buffer => {
  if (key.length !== KEY_BYTES) throw new SealError(`a sealing key has ${KEY_BYTES} bytes, not ${key.length}`);
  return key;
};

/** Buffer.from skips what is not base64url and ignores spare bits, so a changed text could still decode to the same bytes. */
const bytesOf = (text: string): Buffer => {
  const bytes = Buffer.from(text, "base64url");
  if (bytes.toString("base64url") !== text) throw new SealError("this is not a sealed text");
  return bytes;
};

/** Tells keys apart and nothing about them: a piece of the hash of 32 random bytes. */
const keyIdOf = (key: Buffer): string =>
  createHash("sha256").update(checkedKey(key)).digest().subarray(0, KEY_ID_BYTES).toString("base64url");

/**
 * Encrypts and authenticates a text (AES-256-GCM, a fresh random nonce each time) for storage at rest:
 * `v2.<key id>.<nonce>.<tag>.<data>`, base64url. Version and key id are authenticated too, so that no other format can be
 * mistaken for this.
 */
export const seal = (key: Buffer, text: string): string => {
  const head = `${VERSION}.${keyIdOf(key)}`;
  const iv = randomBytes(IV_BYTES);
  const cipher = createCipheriv(ALGORITHM, key, iv, { authTagLength: TAG_BYTES });
  cipher.setAAD(Buffer.from(head));
  const data = Buffer.concat([cipher.update(text, "utf8"), cipher.final()]);
  return [head, ...[iv, cipher.getAuthTag(), data].map((bytes) => bytes.toString("base64url"))].join(".");
};

/** What every text that this key sealed begins with, and no other. */
export const sealedPrefix = (key: Buffer): string => `${VERSION}.${keyIdOf(key)}.`;

/** The text that `seal` was given with one of these keys; anything else throws SealError. */
export const unseal = (keys: Buffer | readonly Buffer[], sealed: string): string => {
  const ring = (Buffer.isBuffer(keys) ? [keys] : keys).map(checkedKey);
  const { head, parts } = partsOf(sealed);
  if (head === VERSION_WITHOUT_KEY_ID) return openWithAny(ring, head, parts);
  const key = ring.find((one) => sealedPrefix(one) === `${head}.`);
  if (!key) throw new SealError("the sealed text was sealed with another key");
  return openWith(key, head, parts);
};

function partsOf(sealed: string): { readonly head: string; readonly parts: readonly string[] } {
  const [version = "", ...rest] = sealed.split(".");
  if (version === VERSION_WITHOUT_KEY_ID && rest.length === 3) return { head: version, parts: rest };
  if (version === VERSION && rest.length === 4) return { head: `${version}.${rest[0]}`, parts: rest.slice(1) };
  throw new SealError("this is not a sealed text");
}

function openWithAny(keys: readonly Buffer[], head: string, parts: readonly string[]): string {
  let failure: unknown;
  for (const key of keys) {
    try {
      return openWith(key, head, parts);
    } catch (error) {
      failure = error;
    }
  }
  throw failure;
}

function openWith(key: Buffer, head: string, parts: readonly string[]): string {
  const [iv, tag, data] = parts.map(bytesOf);
  if (!data || iv?.length !== IV_BYTES || tag?.length !== TAG_BYTES) throw new SealError("this is not a sealed text");
  const decipher = createDecipheriv(ALGORITHM, key, iv, { authTagLength: TAG_BYTES });
  decipher.setAAD(Buffer.from(head));
  decipher.setAuthTag(tag);
  try {
    return Buffer.concat([decipher.update(data), decipher.final()]).toString("utf8");
  } catch (cause) {
    throw new SealError("the sealed text was changed, or sealed with another key", { cause });
  }
}
