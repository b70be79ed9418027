import { generateKeyPairSync, randomUUID, sign } from "node:crypto";
import type { StrataClient } from "@strata/cli";

/** An app's identity provider, as its backend has it. */
export interface Backend {
  readonly appId: string;
  readonly providerId: string;
  readonly keyId: string;
  /** An identity token; `claims` go over what it would say. */
  token(userId: string, nonce: string, claims?: Readonly<Record<string, unknown>>): string;
}

const encoded = (value: unknown): string => Buffer.from(JSON.stringify(value)).toString("base64url");

/** Binds an identity provider with one key to an app, over the account's API. */
export async function addIdentityProvider(account: StrataClient, appId: string): Promise<Backend> {
  const { publicKey, privateKey } = generateKeyPairSync("rsa", { modulusLength: 2_048 });
  const [providerId, keyId] = [randomUUID(), randomUUID()];
  const providers = `/accounts/apps/${appId}/identity_providers`;
  await account.request("POST", providers, { ifNoneMatch: providerId, body: { name: "backend" } });
  const body = { public_key: publicKey.export({ type: "spki", format: "pem" }) };
  await account.request("POST", `${providers}/${providerId}/keys`, { ifNoneMatch: keyId, body });
  return {
    appId,
    providerId,
    keyId,
    token(userId, nonce, claims = {}) {
      const header = { typ: "JWT", alg: "RS256", cty: "layer-eit;v=1", kid: `layer:///keys/${keyId}` };
      const iat = Math.floor(Date.now() / 1_000);
      const said = { iss: `layer:///providers/${providerId}`, prn: userId, iat, exp: iat + 600, nce: nonce, ...claims };
      const text = `${encoded(header)}.${encoded(said)}`;
      return `${text}.${sign("sha256", Buffer.from(text), privateKey).toString("base64url")}`;
    },
  };
}
