import { randomUUID } from "node:crypto";
import { createToken, tokenHash } from "@strata/contracts";
import type { Platform } from "@strata/tests-platform";
import { expectStatus, member, type Reply } from "./api-client.ts";

export interface AccountRequest {
  readonly token?: string;
  readonly body?: unknown;
  readonly headers?: Readonly<Record<string, string>>;
}

/** Calls any path as any HTTP library would, with the operator's token unless another is named. */
export type AccountClient = (method: string, path: string, options?: AccountRequest) => Promise<Reply>;

export function accountClient(platform: Platform, ownToken = platform.accountToken): AccountClient {
  return async (method, path, { token = ownToken, body, headers = {} } = {}) => {
    const response = await fetch(`${platform.baseUrl}${path}`, {
      method,
      headers: {
        Authorization: `Bearer ${token}`,
        ...(body === undefined ? {} : { "Content-Type": "application/json" }),
        ...headers,
      },
      ...(body === undefined ? {} : { body: JSON.stringify(body) }),
    });
    const text = await response.text();
    const isJson = response.headers.get("content-type")?.startsWith("application/json") ?? false;
    return { status: response.status, headers: response.headers, text, json: isJson ? JSON.parse(text) : undefined };
  };
}

/** An account that nothing else of the platform knows of, with a token that administers it. */
export async function anotherAccount(platform: Platform): Promise<{ accountId: string; token: string }> {
  const [accountId, tokenId, token] = [`another-${randomUUID()}`, randomUUID(), createToken()];
  const row = { tokenId, accountId, appId: null, name: "test", scopes: ["account:admin"], expiresAt: null };
  const directory = platform.db("directory");
  await directory.collection<{ _id: string }>("accounts").insertOne({ _id: accountId });
  // As rows were before there were other scopes, uses or rotation.
  const stored = { ...row, createdAt: 0, revokedAt: null, hash: tokenHash(token), version: 1, by: "test" };
  await directory.collection<{ _id: string }>("tokens").insertOne({ _id: `${accountId}/${tokenId}`, ...stored });
  return { accountId, token };
}

export interface MadeToken {
  readonly id: string;
  readonly text: string;
}

export function madeToken(reply: Reply): MadeToken {
  const { json } = expectStatus(reply, 201);
  return { id: String(member(json, "id")), text: String(member(json, "token")) };
}

/** A new app of the client's account; its id. */
export async function newApp(send: AccountClient): Promise<string> {
  return String(
    member(expectStatus(await send("POST", "/accounts/apps", { body: { name: "Shop" } }), 201).json, "app_id"),
  );
}
