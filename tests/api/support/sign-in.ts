import { generateKeyPairSync, randomUUID, sign } from "node:crypto";
import { expectStatus, member, type Reply, type RequestOptions } from "./api-client.ts";
import type { World } from "./world.ts";

/** An app's identity provider, as its backend has it. */
export interface Backend {
  readonly appId: string;
  readonly providerId: string;
  readonly keyId: string;
  /** An identity token; `claims` go over what it would say. */
  token(userId: string, nonce: string, claims?: Readonly<Record<string, unknown>>): string;
}

/** One user's client, or anybody's with null. */
export type UserClient = (method: string, path: string, options?: RequestOptions) => Promise<Reply>;

export function userClient(baseUrl: string, session: string | null): UserClient {
  return async (method, path, { version = "3.0", body, raw, headers = {} } = {}) => {
    const payload = raw ?? (body === undefined ? undefined : JSON.stringify(body));
    const response = await fetch(`${baseUrl}${path}`, {
      method,
      redirect: "manual",
      headers: {
        Accept: `application/vnd.layer+json; version=${version}`,
        ...(session === null ? {} : { Authorization: `Layer session-token="${session}"` }),
        // As the published clients send it, with a body and without.
        "Content-Type": method === "PATCH" ? "application/vnd.layer-patch+json" : "application/json",
        ...headers,
      },
      ...(payload === undefined ? {} : { body: payload }),
    });
    const text = await response.text();
    const isJson = response.headers.get("content-type")?.startsWith("application/json") ?? false;
    return { status: response.status, headers: response.headers, text, json: isJson ? JSON.parse(text) : undefined };
  };
}

const encoded = (value: unknown): string => Buffer.from(JSON.stringify(value)).toString("base64url");

/** Binds an identity provider with one key to the world's app, over the account's API. */
export async function addBackend({ platform, appId }: World): Promise<Backend> {
  const { publicKey, privateKey } = generateKeyPairSync("rsa", { modulusLength: 2_048 });
  const [providerId, keyId] = [randomUUID(), randomUUID()];
  const providers = `/accounts/apps/${appId}/identity_providers`;
  await platform.account.request("POST", providers, { ifNoneMatch: providerId, body: { name: "backend" } });
  const body = { public_key: publicKey.export({ type: "spki", format: "pem" }) };
  await platform.account.request("POST", `${providers}/${providerId}/keys`, { ifNoneMatch: keyId, body });
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

/** Logs a user in, and answers her session's token. */
export async function signIn(baseUrl: string, backend: Backend, userId: string, claims: object = {}): Promise<string> {
  const anybody = userClient(baseUrl, null);
  const nonce = String(member(expectStatus(await anybody("POST", "/nonces"), 201).json, "nonce"));
  const body = { identity_token: backend.token(userId, nonce, { ...claims }), app_id: backend.appId };
  const reply = expectStatus(await anybody("POST", "/sessions", { body }), 201);
  return String(member(reply.json, "session_token"));
}
