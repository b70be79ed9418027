import { randomBytes } from "node:crypto";
import { mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { dirname } from "node:path";
import { crc32 } from "node:zlib";

const digits = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz";

/** A token of the operator's account: 160 random bits and a checksum, as every token has them. */
export function accountToken() {
  const secret = base62(BigInt(`0x${randomBytes(20).toString("hex")}`), 27);
  return `strata_${secret}${base62(BigInt(crc32(secret)), 6)}`;
}

/**
 * @param {bigint} number
 * @param {number} length
 */
function base62(number, length) {
  let text = "";
  for (let rest = number; rest > 0n; rest /= 62n) text = digits.charAt(Number(rest % 62n)) + text;
  return text.padStart(length, "0");
}

/**
 * The key that encrypts push credentials at rest. Made once: with another one the stored credentials cannot be read.
 * @param {string} file
 */
export function credentialsKey(file) {
  try {
    return readFileSync(file, "utf8").trim();
  } catch {
    const key = randomBytes(32).toString("base64");
    mkdirSync(dirname(file), { recursive: true });
    writeFileSync(file, `${key}\n`, { mode: 0o600 });
    return key;
  }
}
