import { randomBytes } from "node:crypto";
import { tokenHash } from "./token.ts";
import { AppId } from "./values.ts";

const APP_BYTES = 16;
const RANDOM_BYTES = 32;
/** 48 bytes are 64 characters of base64url without a rest, and so each token has one text only. */
const SHAPE = /^[\w-]{64}$/;

/**
 * A new session token: the app's id and 256 random bits, in base64url, since clients put it into URLs as it is (client
 * API 3.3). Shown once; only its hash is kept. That it names its app lets a session be looked for in that app alone.
 */
export const createSessionToken = (appId: string): string =>
  Buffer.concat([Buffer.from(appId.replaceAll("-", ""), "hex"), randomBytes(RANDOM_BYTES)]).toString("base64url");

/** The app that a session token says it is of, and its hash; null for a text that can be none. Nobody has been asked yet. */
export function readSessionToken(text: string): { readonly appId: string; readonly hash: string } | null {
  if (!SHAPE.test(text)) return null;
  const hex = Buffer.from(text, "base64url").subarray(0, APP_BYTES).toString("hex");
  const appId = hex.replace(/^(.{8})(.{4})(.{4})(.{4})(.{12})$/, "$1-$2-$3-$4-$5");
  return AppId.safeParse(appId).success ? { appId, hash: tokenHash(text) } : null;
}
