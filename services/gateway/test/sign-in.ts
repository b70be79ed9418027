import { randomUUID, sign } from "node:crypto";
import { z } from "zod";
import type { HttpClient } from "./http-client.ts";
import type { SigningKey } from "./peers/directory-sessions.ts";

const encoded = (value: unknown): string => Buffer.from(JSON.stringify(value)).toString("base64url");

/** An identity token as an app's backend makes it. */
export function identityToken(key: SigningKey, claims: Readonly<Record<string, unknown>>): string {
  const header = { typ: "JWT", alg: "RS256", cty: "layer-eit;v=1", kid: `layer:///keys/${key.keyId}` };
  const iat = Math.floor(Date.now() / 1_000);
  const all = {
    iss: `layer:///providers/${key.providerId}`,
    prn: `user-${randomUUID()}`,
    iat,
    exp: iat + 600,
    ...claims,
  };
  const text = `${encoded(header)}.${encoded(all)}`;
  return `${text}.${sign("sha256", Buffer.from(text), key.privateKey).toString("base64url")}`;
}

export const nonceIn = (json: unknown): string => z.object({ nonce: z.string() }).parse(json).nonce;

export async function freshNonce(send: HttpClient): Promise<string> {
  return nonceIn((await send("POST", "/nonces")).json);
}
