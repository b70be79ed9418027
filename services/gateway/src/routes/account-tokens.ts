import { createToken, CreateToken, ListTokens, RevokeToken, Token, tokenHash } from "@strata/contracts";
import { intentOf } from "@strata/doors";
import { idInUse, isUuid, notFound, parseIdempotencyKey, parseIfNoneMatch } from "@strata/layer-protocol";
import { DomainError } from "@strata/runtime";
import { z } from "zod";
import { parseToken, TokenBody } from "../domain/account-requests.ts";
import { type Answer, type Call, created, noContent, ok, type Route } from "../http/route.ts";
import { NewTokenView, TokenView } from "../openapi/account-schemas.ts";
import { operation } from "../openapi/operation.ts";
import { AppPath, CreationHeaders, TokenPath } from "../openapi/parameters.ts";
import { tokenView } from "./account-views.ts";
import { ownedApp } from "./owned-app.ts";

const path = "/accounts/apps/:app/tokens";

export const createAppToken = ({ maxBodyBytes }: { readonly maxBodyBytes: number }): Route => ({
  method: "post",
  path,
  access: "account:admin",
  maxBodyBytes,
  operation: operation({
    id: "createToken",
    tag: "Accounts",
    summary: "Make a token of an app",
    description:
      "Its text is in this answer and nowhere else. It is not kept, so a repeat under the same If-None-Match or " +
      "Idempotency-Key answers 409 with the token but without its text.",
    path: AppPath,
    headers: CreationHeaders,
    body: TokenBody,
    answer: { status: 201, description: "The token, with its text", schema: NewTokenView },
    errors: [404, 409, 413, 422],
  }),
  handle: create,
});

async function create(call: Call): Promise<Answer> {
  const ifNoneMatch = parseIfNoneMatch(call.header("If-None-Match"));
  const idempotencyKey = parseIdempotencyKey(call.header("Idempotency-Key"));
  const wanted = parseToken(call.body);
  const appId = await ownedApp(call);
  const intent = intentOf({ scope: `${appId}/tokens`, chosenId: ifNoneMatch, idempotencyKey });
  const text = createToken();
  try {
    const token = await call.calls.inApp(appId).request(CreateToken, {
      ...wanted,
      tokenId: intent.id,
      accountId: call.grant.accountId,
      appId,
      hash: tokenHash(text),
    });
    return created({ ...tokenView(call.wire.baseUrl, appId, token), token: text });
  } catch (error) {
    throw errorOf(error, call, appId);
  }
}

/** Whatever the repeat says, the text cannot be shown again: so it is in use, also under an Idempotency-Key. */
function errorOf(error: unknown, { wire }: Call, appId: string): unknown {
  if (!(error instanceof DomainError) || error.code !== "id_in_use") return error;
  const existing = Token.safeParse(error.details["token"]);
  const isOfThisApp = existing.success && existing.data.appId === appId;
  return idInUse(isOfThisApp ? tokenView(wire.baseUrl, appId, existing.data) : null);
}

export const listAppTokens = (): Route => ({
  method: "get",
  path,
  access: "account:admin",
  operation: operation({
    id: "listTokens",
    tag: "Accounts",
    summary: "The tokens of an app, oldest first, revoked ones too",
    path: AppPath,
    answer: { status: 200, description: "All of them, without their texts", schema: z.array(TokenView) },
    errors: [404],
  }),
  handle: list,
});

async function list(call: Call): Promise<Answer> {
  const appId = await ownedApp(call);
  const tokens = await tokensOf(call, appId);
  return ok(tokens.map((token) => tokenView(call.wire.baseUrl, appId, token)));
}

export const revokeAppToken = (): Route => ({
  method: "delete",
  path: `${path}/:token`,
  access: "account:admin",
  operation: operation({
    id: "revokeToken",
    tag: "Accounts",
    summary: "Revoke a token",
    description: "Every gateway forgets it within a second. Revoking it again changes nothing.",
    path: TokenPath,
    answer: { status: 204, description: "Revoked" },
    errors: [404],
  }),
  handle: revoke,
});

async function revoke(call: Call): Promise<Answer> {
  const appId = await ownedApp(call);
  const tokenId = call.param("token").toLowerCase();
  // The directory knows tokens by account; under this path only those of this app are there.
  const tokens = isUuid(tokenId) ? await tokensOf(call, appId) : [];
  if (!tokens.some((token) => token.tokenId === tokenId)) throw notFound("There is no such token");
  await call.calls.inApp(appId).request(RevokeToken, { tokenId, accountId: call.grant.accountId });
  return noContent;
}

async function tokensOf({ calls, grant }: Call, appId: string): Promise<readonly Token[]> {
  const { tokens } = await calls.inApp(appId).ask(ListTokens, { accountId: grant.accountId });
  return tokens.filter((token) => token.appId === appId);
}
