import { createDecipheriv, type ECDH, hkdfSync } from "node:crypto";

/** What a browser keeps to itself of its subscription. */
export interface SubscriptionSecrets {
  /** On P-256, with the key pair of the subscription. */
  readonly ecdh: ECDH;
  readonly auth: Buffer;
}

const SALT_BYTES = 16;
const KEY_ID_AT = 21;
const TAG_BYTES = 16;
const NONCE_BYTES = 12;
/** What ends the content of a record before its padding: 2 in the last one. */
const LAST_RECORD = 2;
const ANY_RECORD = 1;

/**
 * Decrypts the body of a push as a browser does: aes128gcm (RFC 8188) with the keys of RFC 8291.
 * @throws Error where it was not encrypted for this subscription, or is damaged
 */
export function decryptPush(body: Buffer, { ecdh, auth }: SubscriptionSecrets): Buffer {
  const salt = body.subarray(0, SALT_BYTES);
  const recordBytes = body.readUInt32BE(SALT_BYTES);
  const keyIdBytes = body.readUInt8(KEY_ID_AT - 1);
  const sender = body.subarray(KEY_ID_AT, KEY_ID_AT + keyIdBytes);
  const info = Buffer.concat([Buffer.from("WebPush: info\0"), ecdh.getPublicKey(), sender]);
  const secret = Buffer.from(hkdfSync("sha256", ecdh.computeSecret(sender), auth, info, 32));
  const derive = (use: string, bytes: number): Buffer =>
    Buffer.from(hkdfSync("sha256", secret, salt, `Content-Encoding: ${use}\0`, bytes));
  const [key, nonce] = [derive("aes128gcm", 16), derive("nonce", NONCE_BYTES)];
  const records: Buffer[] = [];
  for (let at = KEY_ID_AT + keyIdBytes, sequence = 0; at < body.length; at += recordBytes, sequence += 1) {
    const isLast = at + recordBytes >= body.length;
    const record = body.subarray(at, at + recordBytes);
    records.push(unpadded(decryptRecord(record, key, nonceOf(nonce, sequence)), isLast));
  }
  return Buffer.concat(records);
}

function decryptRecord(record: Buffer, key: Buffer, nonce: Buffer): Buffer {
  const decipher = createDecipheriv("aes-128-gcm", key, nonce);
  decipher.setAuthTag(record.subarray(-TAG_BYTES));
  return Buffer.concat([decipher.update(record.subarray(0, -TAG_BYTES)), decipher.final()]);
}

function nonceOf(base: Buffer, sequence: number): Buffer {
  const nonce = Buffer.from(base);
  const at = NONCE_BYTES - 4;
  // Unsigned: `^` works on signed 32 bits, and no push has more records than those.
  nonce.writeUInt32BE((nonce.readUInt32BE(at) ^ sequence) >>> 0, at);
  return nonce;
}

function unpadded(record: Buffer, isLast: boolean): Buffer {
  const end = record.findLastIndex((byte) => byte !== 0);
  if (end < 0 || record[end] !== (isLast ? LAST_RECORD : ANY_RECORD)) throw new Error("The padding is damaged");
  return record.subarray(0, end);
}
