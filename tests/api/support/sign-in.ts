import { addIdentityProvider, type Backend } from "@strata/tests-platform";
import { expectStatus, member, type Reply, type RequestOptions } from "./api-client.ts";
import type { World } from "./world.ts";

export type { Backend };

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

/** Binds an identity provider with one key to the world's app. */
export const addBackend = ({ platform, appId }: World): Promise<Backend> =>
  addIdentityProvider(platform.account, appId);

/** Logs a user in, and answers her session's token. */
export async function signIn(baseUrl: string, backend: Backend, userId: string, claims: object = {}): Promise<string> {
  const anybody = userClient(baseUrl, null);
  const nonce = String(member(expectStatus(await anybody("POST", "/nonces"), 201).json, "nonce"));
  const body = { identity_token: backend.token(userId, nonce, { ...claims }), app_id: backend.appId };
  const reply = expectStatus(await anybody("POST", "/sessions", { body }), 201);
  return String(member(reply.json, "session_token"));
}
