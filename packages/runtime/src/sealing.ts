import { createCipheriv, createDecipheriv, randomBytes } from "node:crypto";

const ALGORITHM = "aes-256-gcm";
const VERSION = "v1";
const KEY_BYTES = 32;
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

/**
 * Encrypts and authenticates a text (AES-256-GCM, a fresh random nonce each time) for storage at rest:
 * `v1.<nonce>.<tag>.<data>`, base64url. The version is authenticated too, so a later format cannot be mistaken for this.
 */
export const seal = (key: Buffer, text: string): string => {
  const iv = randomBytes(IV_BYTES);
  const cipher = createCipheriv(ALGORITHM, checkedKey(key), iv, { authTagLength: TAG_BYTES });
  cipher.setAAD(Buffer.from(VERSION));
  const data = Buffer.concat([cipher.update(text, "utf8"), cipher.final()]);
  return [VERSION, ...[iv, cipher.getAuthTag(), data].map((bytes) => bytes.toString("base64url"))].join(".");
};

/** The text that `seal` was given with the same key; anything else throws SealError. */
export const unseal = (key: Buffer, sealed: string): string => {
  const [version, iv, tag, data, ...rest] = sealed.split(".");
  if (version !== VERSION || iv === undefined || tag === undefined || data === undefined || rest.length > 0) {
    throw new SealError("this is not a sealed text");
  }
  const [ivBytes, tagBytes, dataBytes] = [bytesOf(iv), bytesOf(tag), bytesOf(data)];
  if (ivBytes.length !== IV_BYTES || tagBytes.length !== TAG_BYTES) throw new SealError("this is not a sealed text");
  const decipher = createDecipheriv(ALGORITHM, checkedKey(key), ivBytes, { authTagLength: TAG_BYTES });
  decipher.setAAD(Buffer.from(VERSION));
  decipher.setAuthTag(tagBytes);
  try {
    return Buffer.concat([decipher.update(dataBytes), decipher.final()]).toString("utf8");
  } catch (cause) {
    throw new SealError("the sealed text was changed, or sealed with another key", { cause });
  }
};
