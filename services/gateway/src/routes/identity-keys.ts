import {
  ChangeIdentityKey,
  CreateIdentityKey,
  IdentityKey,
  type IdentityKeyState,
  ListIdentityKeys,
} from "@strata/contracts";
import { digestOf, intentOf } from "@strata/doors";
import { notFound, parseIdempotencyKey, parseIfNoneMatch, parseObjectId } from "@strata/layer-protocol";
import { DomainError } from "@strata/runtime";
import { z } from "zod";
import { IdentityKeyChange, parseIdentityKeyChange, parsePublicKey } from "../domain/identity-key.ts";
import { type Answer, type Call, created, noContent, ok, type Route } from "../http/route.ts";
import { IdentityKeyRequest, IdentityKeyView } from "../openapi/account-schemas.ts";
import { operation } from "../openapi/operation.ts";
import { CreationHeaders, IdentityKeyPath, IdentityProviderPath } from "../openapi/parameters.ts";
import { identityKeyView } from "./account-views.ts";
import { actorOf } from "./actor-of.ts";
import { ownedApp } from "./owned-app.ts";

const path = "/accounts/apps/:app/identity_providers/:provider/keys";

/** The public keys of an identity provider. */
export const identityKeyRoutes = ({ maxBodyBytes }: { readonly maxBodyBytes: number }): readonly Route[] => [
  {
    method: "post",
    path,
    access: "account:write",
    maxBodyBytes,
    operation: operation({
      id: "createIdentityKey",
      tag: "Accounts",
      summary: "Give an identity provider a public key",
      description: "RSA, of 2,048 bits or more. Its `id` is the `kid` of the tokens that its private key signs.",
      path: IdentityProviderPath,
      headers: CreationHeaders,
      body: IdentityKeyRequest,
      answer: { status: 201, description: "The key", schema: IdentityKeyView },
      errors: [404, 409, 413, 422],
    }),
    handle: create,
  },
  {
    method: "get",
    path,
    access: "account:read",
    operation: operation({
      id: "listIdentityKeys",
      tag: "Accounts",
      summary: "The keys of an identity provider, oldest first, without deleted ones",
      path: IdentityProviderPath,
      answer: { status: 200, description: "All of them", schema: z.array(IdentityKeyView) },
      errors: [404],
    }),
    handle: list,
  },
  {
    method: "patch",
    path: `${path}/:key`,
    access: "account:write",
    maxBodyBytes,
    operation: operation({
      id: "changeIdentityKey",
      tag: "Accounts",
      summary: "Disable a key, or enable it again",
      description: "A JSON object, no Layer-Patch. Nobody logs in by a disabled key; sessions that have begun go on.",
      path: IdentityKeyPath,
      body: IdentityKeyChange,
      answer: { status: 200, description: "The key as it is now", schema: IdentityKeyView },
      errors: [404, 413, 422],
    }),
    async handle(call) {
      const state = parseIdentityKeyChange(call.body);
      return ok(identityKeyView(call.wire.baseUrl, ...(await change(call, state))));
    },
  },
  {
    method: "delete",
    path: `${path}/:key`,
    access: "account:write",
    operation: operation({
      id: "deleteIdentityKey",
      tag: "Accounts",
      summary: "Delete a key, for good",
      description: "Its id is never another key's. Deleting it again is 404.",
      path: IdentityKeyPath,
      answer: { status: 204, description: "Deleted" },
      errors: [404],
    }),
    async handle(call) {
      await change(call, "deleted");
      return noContent;
    },
  },
];

async function create(call: Call): Promise<Answer> {
  const ifNoneMatch = parseIfNoneMatch(call.header("If-None-Match"));
  const idempotencyKey = parseIdempotencyKey(call.header("Idempotency-Key"));
  const publicKey = parsePublicKey(call.body);
  const appId = await ownedApp(call);
  const providerId = providerIdOf(call);
  const intent = intentOf({ scope: `${appId}/identity_keys`, chosenId: ifNoneMatch, idempotencyKey });
  const { accountId } = call.grant;
  const wanted = { appId, accountId, providerId, keyId: intent.id, publicKey, actor: actorOf(call) };
  try {
    const options = { id: intent.commandId(() => digestOf({ providerId, publicKey })) };
    const key = await call.calls.inApp(appId).request(CreateIdentityKey, wanted, options);
    return created(identityKeyView(call.wire.baseUrl, appId, key));
  } catch (error) {
    if (!(error instanceof DomainError) || error.code !== "id_in_use") throw error;
    const existing = IdentityKey.safeParse(error.details["key"]);
    throw intent.inUse(existing.success ? identityKeyView(call.wire.baseUrl, appId, existing.data) : null);
  }
}

async function list(call: Call): Promise<Answer> {
  const appId = await ownedApp(call);
  const { keys } = await call.calls.inApp(appId).ask(ListIdentityKeys, { providerId: providerIdOf(call) });
  if (keys === null) throw noProvider();
  return ok(keys.map((key) => identityKeyView(call.wire.baseUrl, appId, key)));
}

async function change(call: Call, state: IdentityKeyState): Promise<[appId: string, key: IdentityKey]> {
  const appId = await ownedApp(call);
  const keyId = parseObjectId("keys", call.param("key"));
  if (keyId === null) throw notFound("There is no such key");
  const { accountId } = call.grant;
  const wanted = { appId, accountId, providerId: providerIdOf(call), keyId, state, actor: actorOf(call) };
  return [appId, await call.calls.inApp(appId).request(ChangeIdentityKey, wanted)];
}

const noProvider = () => notFound("There is no such identity provider");

function providerIdOf(call: Call): string {
  const providerId = parseObjectId("providers", call.param("provider"));
  if (providerId === null) throw noProvider();
  return providerId;
}
