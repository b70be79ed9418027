import { importJWK, jwtVerify } from "jose";

/** Whose signature a push bears, or why a push service refuses it. */
type VapidVerdict =
  | { readonly kind: "signed"; readonly publicKey: string }
  | { readonly kind: "refused"; readonly status: number; readonly reason: string };

const AUTHORIZATION = /^vapid t=([^,\s]+),\s*k=([\w-]+)$/i;
const DAY_S = 86_400;
const POINT_BYTES = 65;
const COORDINATE_BYTES = 32;
const REMEMBERED = 200;

/** Verified ones: a sender uses one for many pushes. */
const verified = new Map<string, Promise<VapidVerdict>>();

/** Checks an Authorization header as RFC 8292 has it: signed by the key that it names, for this push service, for a day at most. */
export async function verifyVapid(authorization: string, audience: string): Promise<VapidVerdict> {
  const [, token, publicKey] = AUTHORIZATION.exec(authorization) ?? [];
  if (token === undefined || publicKey === undefined) return refuse(401, "no VAPID authorization");
  const key = `${audience} ${authorization}`;
  const known = verified.get(key) ?? check(token, publicKey, audience);
  if (verified.size >= REMEMBERED) verified.clear();
  verified.set(key, known);
  return known;
}

async function check(token: string, publicKey: string, audience: string): Promise<VapidVerdict> {
  try {
    const { payload } = await jwtVerify(token, await keyOf(publicKey), { algorithms: ["ES256"], audience });
    const { exp, sub = "" } = payload;
    if (exp === undefined || exp - Date.now() / 1_000 > DAY_S) return refuse(403, "BadJwtToken: exp");
    return /^(?:mailto:|https:)/.test(sub) ? { kind: "signed", publicKey } : refuse(403, "BadJwtToken: sub");
  } catch (error) {
    return refuse(403, `BadJwtToken: ${error instanceof Error ? error.message : "unreadable"}`);
  }
}

async function keyOf(publicKey: string) {
  const point = Buffer.from(publicKey, "base64url");
  if (point.length !== POINT_BYTES) throw new Error("no P-256 key");
  const coordinate = (at: number) => point.subarray(at, at + COORDINATE_BYTES).toString("base64url");
  return importJWK({ kty: "EC", crv: "P-256", x: coordinate(1), y: coordinate(1 + COORDINATE_BYTES) }, "ES256");
}

const refuse = (status: number, reason: string): VapidVerdict => ({ kind: "refused", status, reason });
