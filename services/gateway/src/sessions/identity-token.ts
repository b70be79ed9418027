import { createPublicKey, type KeyObject } from "node:crypto";
import type { IdentityClaims, IdentityKey } from "@strata/contracts";
import { invalidIdentityToken, isUserId, isUuid, parseObjectId } from "@strata/layer-protocol";
import { compactVerify, errors } from "jose";
import { z } from "zod";
import type { Nonces, ReadNonce } from "./nonces.ts";

/** What an identity token says, once it is known to be true. */
export interface VerifiedToken {
  readonly userId: string;
  readonly nonce: Extract<ReadNonce, { kind: "fresh" }>;
  readonly claims: IdentityClaims;
}

interface Checking {
  readonly nonces: Nonces;
  /** The key of the app that the session is to be of; null: the app has none under this id. */
  readonly findKey: (keyId: string) => Promise<IdentityKey | null>;
  readonly now?: () => number;
}

/** Clocks of backends differ from ours by so much. */
const LEEWAY_SECONDS = 60;

const Header = z.object({
  alg: z.literal("RS256"),
  typ: z.string().regex(/^JW[TS]$/i),
  cty: z.literal("layer-eit;v=1"),
  kid: z.string(),
  /** No extension that must be understood is: one of them, `b64`, gives the payload another meaning. */
  crit: z.never().optional(),
});

const Seconds = z.int().min(0);
const Claims = z.object({ iss: z.string(), prn: z.string(), iat: Seconds, exp: Seconds, nce: z.string() });

/** The same lengths as an identity that a backend sets (server API 4.2). */
const Profile = z.object({
  display_name: z.string().max(128).optional(),
  first_name: z.string().max(128).optional(),
  last_name: z.string().max(128).optional(),
  avatar_url: z.string().max(1_024).optional(),
  public_key: z.string().max(8_192).optional(),
});

/**
 * Checks an identity token (client API 3.2): signed RS256 and nothing else, with an enabled key of the app, by the provider
 * whose key it is, for a nonce of ours that is fresh. Whether that was used before is the directory's to say. The nonce is
 * looked at first, since it costs nobody anything: who has not even asked for one makes no question to the directory.
 * @throws LayerError 422 `invalid_property` `identity_token`, with a `reason`
 */
export async function verifyIdentityToken(text: string, checking: Checking): Promise<VerifiedToken> {
  const parts = text.split(".");
  if (parts.length !== 3) throw invalidIdentityToken("part_count", "it must have three parts");
  const [headerPart = "", payloadPart = ""] = parts;
  const header = parsed(Header, jsonIn(headerPart), "header");
  const payload = jsonIn(payloadPart);
  const { iss, prn, iat, exp, nce } = parsed(Claims, payload, "claim");
  const nonce = checking.nonces.read(nce);
  if (nonce.kind === "foreign") throw invalidIdentityToken("nonce_not_found", "its nonce is none of ours");
  if (nonce.kind === "expired") throw invalidIdentityToken("nonce_expired", "its nonce has expired");

  const key = await usableKey(header.kid, checking);
  if (providerIdIn(iss) !== key.providerId) {
    throw invalidIdentityToken("provider_not_found", "its iss is no provider of this app, or not the key's");
  }
  // What was parsed above is what is signed: nothing of it is believed before this.
  await verifySignature(text, key.publicKey);
  const nowSeconds = (checking.now ?? Date.now)() / 1_000;
  if (exp + LEEWAY_SECONDS <= nowSeconds) throw invalidIdentityToken("token_expired", "it has expired");
  if (iat - LEEWAY_SECONDS > nowSeconds) throw invalidIdentityToken("token_not_yet_valid", "its iat is in the future");
  if (!isUserId(prn)) throw invalidIdentityToken("claim_invalid", "its prn is no user id");
  return { userId: prn, nonce, claims: claimsOf(parsed(Profile, payload, "claim")) };
}

const BASE64URL = /^[\w-]+$/;

function jsonIn(part: string): unknown {
  if (!BASE64URL.test(part)) throw invalidIdentityToken("base64url", "a part of it is not base64url");
  try {
    return JSON.parse(Buffer.from(part, "base64url").toString("utf8"));
  } catch {
    throw invalidIdentityToken("json", "a part of it is not JSON");
  }
}

/** Missing, and of a wrong type or value, are told apart; what was sent is repeated nowhere. */
function parsed<T>(schema: z.ZodType<T>, value: unknown, what: "header" | "claim"): T {
  const result = schema.safeParse(value);
  if (result.success) return result.data;
  const name = String(result.error.issues[0]?.path[0] ?? "");
  const isMissing = typeof value === "object" && value !== null && name !== "" && !Object.hasOwn(value, name);
  const said = name === "" ? `its ${what}s are no object` : `its ${what} ${name} is ${isMissing ? "missing" : "wrong"}`;
  throw invalidIdentityToken(`${what}_${isMissing ? "missing" : "invalid"}`, said);
}

/** `layer:///providers/<uuid>`, and the bare UUID, which is seen too. */
const providerIdIn = (iss: string): string | null => parseObjectId("providers", iss);

async function usableKey(kid: string, { findKey }: Checking): Promise<IdentityKey> {
  const keyId = parseObjectId("keys", kid);
  const key = keyId === null || !isUuid(keyId) ? null : await findKey(keyId);
  if (key === null) throw invalidIdentityToken("key_not_found", "its kid is no key of this app");
  if (key.state !== "enabled") throw invalidIdentityToken(`key_${key.state}`, `its key is ${key.state}`);
  return key;
}

async function verifySignature(text: string, publicKey: string): Promise<void> {
  try {
    await compactVerify(text, keyFrom(publicKey), { algorithms: ["RS256"] });
  } catch (error) {
    if (error instanceof errors.JWSSignatureVerificationFailed) {
      throw invalidIdentityToken("signature_invalid", "its signature is not by this key");
    }
    if (error instanceof errors.JOSEError) throw invalidIdentityToken("header_invalid", "it is no JWS of ours");
    throw error;
  }
}

function keyFrom(publicKey: string): KeyObject {
  try {
    return createPublicKey(publicKey);
  } catch {
    throw invalidIdentityToken("key_malformed", "its key cannot be read");
  }
}

/** Only what was said: the rest stays as it is. */
function claimsOf(profile: z.infer<typeof Profile>): IdentityClaims {
  const { display_name: displayName, first_name: firstName, last_name: lastName } = profile;
  const { avatar_url: avatarUrl, public_key: publicKey } = profile;
  const said = Object.entries({ displayName, firstName, lastName, avatarUrl, publicKey });
  return Object.fromEntries(said.filter(([, value]) => value !== undefined));
}
