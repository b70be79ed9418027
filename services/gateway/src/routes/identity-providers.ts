import { CreateIdentityProvider, IdentityProvider, ListIdentityProviders } from "@strata/contracts";
import { digestOf, type Intent, intentOf } from "@strata/doors";
import { parseIdempotencyKey, parseIfNoneMatch } from "@strata/layer-protocol";
import { DomainError } from "@strata/runtime";
import { z } from "zod";
import { IdentityProviderBody, parseIdentityProvider } from "../domain/identity-key.ts";
import { type Answer, type Call, created, ok, type Route } from "../http/route.ts";
import { IdentityProviderView } from "../openapi/account-schemas.ts";
import { operation } from "../openapi/operation.ts";
import { AppPath, CreationHeaders } from "../openapi/parameters.ts";
import { identityProviderView } from "./account-views.ts";
import { actorOf } from "./actor-of.ts";
import { ownedApp } from "./owned-app.ts";

const path = "/accounts/apps/:app/identity_providers";

/** Who vouches for an app's users. */
export const identityProviderRoutes = ({ maxBodyBytes }: { readonly maxBodyBytes: number }): readonly Route[] => [
  {
    method: "post",
    path,
    access: "account:write",
    maxBodyBytes,
    operation: operation({
      id: "createIdentityProvider",
      tag: "Accounts",
      summary: "Let somebody vouch for the app's users",
      description: "Most often it is the app's own backend. Its keys sign the tokens with which users log in.",
      path: AppPath,
      headers: CreationHeaders,
      body: IdentityProviderBody,
      answer: { status: 201, description: "The provider", schema: IdentityProviderView },
      errors: [404, 409, 413, 422],
    }),
    handle: create,
  },
  {
    method: "get",
    path,
    access: "account:read",
    operation: operation({
      id: "listIdentityProviders",
      tag: "Accounts",
      summary: "The identity providers of an app, oldest first",
      path: AppPath,
      answer: { status: 200, description: "All of them", schema: z.array(IdentityProviderView) },
      errors: [404],
    }),
    handle: list,
  },
];

async function create(call: Call): Promise<Answer> {
  const ifNoneMatch = parseIfNoneMatch(call.header("If-None-Match"));
  const idempotencyKey = parseIdempotencyKey(call.header("Idempotency-Key"));
  const { name } = parseIdentityProvider(call.body);
  const appId = await ownedApp(call);
  const intent = intentOf({ scope: `${appId}/identity_providers`, chosenId: ifNoneMatch, idempotencyKey });
  const wanted = { appId, accountId: call.grant.accountId, providerId: intent.id, name, actor: actorOf(call) };
  try {
    const options = { id: intent.commandId(() => digestOf({ name })) };
    const provider = await call.calls.inApp(appId).request(CreateIdentityProvider, wanted, options);
    return created(identityProviderView(call.wire.baseUrl, provider));
  } catch (error) {
    throw errorOf(error, call, intent);
  }
}

function errorOf(error: unknown, { wire }: Call, intent: Intent): unknown {
  if (!(error instanceof DomainError) || error.code !== "id_in_use") return error;
  const existing = IdentityProvider.safeParse(error.details["provider"]);
  return intent.inUse(existing.success ? identityProviderView(wire.baseUrl, existing.data) : null);
}

async function list(call: Call): Promise<Answer> {
  const appId = await ownedApp(call);
  const { providers } = await call.calls.inApp(appId).ask(ListIdentityProviders, {});
  return ok(providers.map((provider) => identityProviderView(call.wire.baseUrl, provider)));
}
