import { createHash, randomBytes } from "node:crypto";
import { crc32 } from "node:zlib";

/**
 * Stands in the app's place of messages that belong to an account and no app: commands and queries about accounts, and
 * `directory.token.revoked.v1` of an account token.
 */
export const NO_APP = "00000000-0000-0000-0000-000000000000";

const TOKEN_PREFIX = "strata_";
const INVITATION_PREFIX = "strata_invitation_";
const ALPHABET = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz";
const RANDOM_BYTES = 20;
/** 62^27 is the first power above 2^160, and 62^6 the first above 2^32: both parts have one length. */
const RANDOM_LENGTH = 27;
const CHECKSUM_LENGTH = 6;
const SECRET = new RegExp(`^[0-9A-Za-z]{${RANDOM_LENGTH + CHECKSUM_LENGTH}}$`);

/** A new token: `strata_`, 160 random bits, and a CRC-32 of both, base62. Shown once; only its hash is kept. */
export const createToken = (): string => secretAfter(TOKEN_PREFIX);

/** The same for a code with which somebody becomes a member of an account: nobody takes one for the other. */
export const createInvitationCode = (): string => secretAfter(INVITATION_PREFIX);

function secretAfter(prefix: string): string {
  const random = BigInt(`0x${randomBytes(RANDOM_BYTES).toString("hex")}`);
  const text = prefix + base62(random, RANDOM_LENGTH);
  return text + checksum(text);
}

/**
 * Whether a text can be a token. A mistyped or cut one is refused without asking anybody, and scanners for leaked
 * credentials can tell a token from a word that begins alike.
 */
export const isWellFormedToken = (text: string): boolean => isWellFormedAfter(TOKEN_PREFIX, text);

export const isWellFormedInvitationCode = (text: string): boolean => isWellFormedAfter(INVITATION_PREFIX, text);

const isWellFormedAfter = (prefix: string, text: string): boolean =>
  text.startsWith(prefix) &&
  SECRET.test(text.slice(prefix.length)) &&
  checksum(text.slice(0, -CHECKSUM_LENGTH)) === text.slice(-CHECKSUM_LENGTH);

/** SHA-256 of a token or a code, hex. No salt and no stretching: there is nothing to guess in 160 random bits. */
export const tokenHash = (text: string): string => createHash("sha256").update(text).digest("hex");

const checksum = (text: string): string => base62(BigInt(crc32(text)), CHECKSUM_LENGTH);

function base62(number: bigint, length: number): string {
  let rest = number;
  let digits = "";
  for (; rest > 0n; rest /= 62n) digits = ALPHABET.charAt(Number(rest % 62n)) + digits;
  return digits.padStart(length, ALPHABET.charAt(0));
}
