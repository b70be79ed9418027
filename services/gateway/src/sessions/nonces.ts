import { createHmac, randomBytes, timingSafeEqual } from "node:crypto";

/**
 * Nonces that nobody has to remember until they are used: anybody may ask for them, so that a row for each would be theirs
 * to fill a database with. What is signed is when it was made and 128 random bits; every gateway with the key knows it.
 */
export interface Nonces {
  issue(): string;
  read(text: string): ReadNonce;
}

export type ReadNonce =
  | { readonly kind: "fresh"; readonly id: string; readonly expiresAt: number }
  /** Ours, and too old. */
  | { readonly kind: "expired" }
  | { readonly kind: "foreign" };

/** Client API 3.1. */
const LIFETIME_MS = 600_000;
/** A gateway's clock may be behind that of the one that made it. */
const LEEWAY_MS = 60_000;
const TIME_BYTES = 6;
const RANDOM_BYTES = 16;
const SIGNATURE_BYTES = 20;
/** 42 bytes are 56 characters of base64url without a rest: each nonce has one text only, and cannot be used under two. */
const SHAPE = /^[\w-]{56}$/;
/** Goes into every signature, so that this key's signatures under something else are never taken for nonces. */
const PURPOSE = "strata-nonce-v1";

export function nonces(key: Buffer, now: () => number = Date.now): Nonces {
  const signatureOf = (signed: Buffer): Buffer =>
    createHmac("sha256", key).update(PURPOSE).update(signed).digest().subarray(0, SIGNATURE_BYTES);
  return {
    issue() {
      const signed = Buffer.concat([Buffer.alloc(TIME_BYTES), randomBytes(RANDOM_BYTES)]);
      signed.writeUIntBE(now(), 0, TIME_BYTES);
      return Buffer.concat([signed, signatureOf(signed)]).toString("base64url");
    },
    read(text) {
      if (!SHAPE.test(text)) return { kind: "foreign" };
      const bytes = Buffer.from(text, "base64url");
      const signed = bytes.subarray(0, TIME_BYTES + RANDOM_BYTES);
      if (!timingSafeEqual(bytes.subarray(TIME_BYTES + RANDOM_BYTES), signatureOf(signed))) return { kind: "foreign" };
      const expiresAt = signed.readUIntBE(0, TIME_BYTES) + LIFETIME_MS;
      if (expiresAt <= now()) return { kind: "expired" };
      const id = signed.subarray(TIME_BYTES).toString("base64url");
      // Remembered beyond the moment at which the slowest clock takes it.
      return { kind: "fresh", id, expiresAt: expiresAt + LEEWAY_MS };
    },
  };
}
