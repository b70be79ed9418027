import { MAX_LIVE_TOKENS } from "@strata/contracts";
import { accessDenied } from "@strata/layer-protocol";
import { z } from "zod";
import {
  AccountTokenBody,
  parseAccountToken,
  parseToken,
  RotationBody,
  TokenBody,
  type WantedToken,
} from "../domain/account-requests.ts";
import type { Call, Route } from "../http/route.ts";
import { NewTokenView, TokenView } from "../openapi/account-schemas.ts";
import { operation } from "../openapi/operation.ts";
import { AccountTokenPath, AppPath, CreationHeaders, TokenPath } from "../openapi/parameters.ts";
import { ownedApp } from "./owned-app.ts";
import { listTokensOf, makeToken, revokeTokenOf, rotateTokenOf } from "./tokens-of.ts";

const NOT_KEPT =
  "Its text is in this answer and nowhere else. It is not kept, so a repeat under the same If-None-Match or " +
  "Idempotency-Key answers 409 with the token but without its text.";
const LAST_STAYS = "The last by which the account is administered stays: 422 `invalid_operation`. It can be rotated.";
const NOT_MORE = "Nobody gives more than she has, nor for longer: 403 `access_denied` names the property.";

/** Whose tokens, under which path, for whom. */
interface Holding {
  readonly path: string;
  /** In operation ids, and in words. */
  readonly id: "" | "Account";
  readonly words: "an app" | "the account";
  readonly reads: "account:read" | "account:admin";
  readonly writes: "account:write" | "account:admin";
  readonly pathOf: z.ZodObject | undefined;
  readonly tokenPath: z.ZodObject;
  readonly body: z.ZodType;
  readonly parse: (body: unknown) => WantedToken;
  /** @throws LayerError 404 for an app that is not the account's */
  readonly holder: (call: Call) => Promise<string | null>;
}

/** The tokens of an app, and of the account itself. */
export const tokenRoutes = (options: { readonly maxBodyBytes: number }): readonly Route[] =>
  [
    {
      path: "/accounts/apps/:app/tokens",
      id: "",
      words: "an app",
      reads: "account:read",
      writes: "account:write",
      pathOf: AppPath,
      tokenPath: TokenPath,
      body: TokenBody,
      parse: parseToken,
      holder: ownedApp,
    } as const,
    {
      path: "/accounts/tokens",
      id: "Account",
      words: "the account",
      reads: "account:admin",
      writes: "account:admin",
      pathOf: undefined,
      tokenPath: AccountTokenPath,
      body: AccountTokenBody,
      parse: parseAccountToken,
      holder: async () => null,
    } as const,
  ].flatMap((holding) => [
    createTokenOf(holding, options),
    listTokensRoute(holding),
    rotate(holding, options),
    revoke(holding),
  ]);

/** A member's own token, whatever she may do else: she goes on with another, or logs out. */
export const ownTokenRoutes = ({ maxBodyBytes }: { readonly maxBodyBytes: number }): readonly Route[] => [
  {
    method: "post",
    path: "/accounts/tokens/self/rotate",
    access: "account:read",
    maxBodyBytes,
    operation: operation({
      id: "rotateOwnToken",
      tag: "Accounts",
      summary: "Put another token in the place of the member's that asks",
      description:
        "Of a member alone; tokens that are nobody's need `account:admin`. The new one ends after 30 days, or before, where " +
        `\`expires_at\` says so, and the old one when the overlap is over. ${NOT_KEPT}`,
      headers: CreationHeaders,
      body: RotationBody,
      isBodyOptional: true,
      answer: { status: 201, description: "The new token, with its text", schema: NewTokenView },
      errors: [409, 413, 422],
    }),
    handle: async (call) => rotateTokenOf(call, null, ownToken(call)),
  },
  {
    method: "delete",
    path: "/accounts/tokens/self",
    access: "account:read",
    operation: operation({
      id: "revokeOwnToken",
      tag: "Accounts",
      summary: "Revoke the member's token that asks: log out",
      description: LAST_STAYS,
      answer: { status: 204, description: "Revoked" },
      errors: [422],
    }),
    handle: async (call) => revokeTokenOf(call, null, ownToken(call)),
  },
];

/** @throws LayerError 403 `access_denied` for a token that is nobody's: who only reads must not end what others use */
function ownToken({ grant }: Call): string {
  if (grant.memberId === undefined)
    throw accessDenied("The token is no member's: it is for account:admin to replace it");
  return grant.tokenId;
}

const createTokenOf = (holding: Holding, { maxBodyBytes }: { readonly maxBodyBytes: number }): Route => ({
  method: "post",
  path: holding.path,
  access: holding.writes,
  maxBodyBytes,
  operation: operation({
    id: `create${holding.id}Token`,
    tag: "Accounts",
    summary: `Make a token of ${holding.words}`,
    description: `${NOT_KEPT} ${NOT_MORE} More than ${MAX_LIVE_TOKENS} that live at once are 422 \`invalid_operation\`.`,
    ...(holding.pathOf ? { path: holding.pathOf } : {}),
    headers: CreationHeaders,
    body: holding.body,
    answer: { status: 201, description: "The token, with its text", schema: NewTokenView },
    errors: [404, 409, 413, 422],
  }),
  async handle(call) {
    const wanted = holding.parse(call.body);
    return makeToken(call, await holding.holder(call), wanted);
  },
});

const listTokensRoute = (holding: Holding): Route => ({
  method: "get",
  path: holding.path,
  access: holding.reads,
  operation: operation({
    id: `list${holding.id}Tokens`,
    tag: "Accounts",
    summary: `The tokens of ${holding.words}, those that live first, each the newest first`,
    description:
      "All that live, and the latest of those that have ended. What became of older ones is in the audit log.",
    ...(holding.pathOf ? { path: holding.pathOf } : {}),
    answer: { status: 200, description: "Without their texts", schema: z.array(TokenView) },
    errors: [404],
  }),
  handle: async (call) => listTokensOf(call, await holding.holder(call)),
});

const rotate = (holding: Holding, { maxBodyBytes }: { readonly maxBodyBytes: number }): Route => ({
  method: "post",
  path: `${holding.path}/:token/rotate`,
  access: holding.writes,
  maxBodyBytes,
  operation: operation({
    id: `rotate${holding.id}Token`,
    tag: "Accounts",
    summary: `Put another token of ${holding.words} in the place of one`,
    description:
      "The new one has the name and scopes of the old one, which ends when the overlap is over, or when it would have " +
      "anyhow. One that has ended, or has been replaced, is 422 `invalid_operation`. A member's is replaced by herself " +
      `alone: 403 \`access_denied\`. ${NOT_KEPT} ${NOT_MORE}`,
    path: holding.tokenPath,
    headers: CreationHeaders,
    body: RotationBody,
    isBodyOptional: true,
    answer: { status: 201, description: "The new token, with its text", schema: NewTokenView },
    errors: [404, 409, 413, 422],
  }),
  handle: async (call) => rotateTokenOf(call, await holding.holder(call)),
});

const revoke = (holding: Holding): Route => ({
  method: "delete",
  path: `${holding.path}/:token`,
  access: holding.writes,
  operation: operation({
    id: `revoke${holding.id}Token`,
    tag: "Accounts",
    summary: `Revoke a token of ${holding.words}`,
    description: `Every gateway forgets it within a second. Revoking it again changes nothing.${holding.id === "Account" ? ` ${LAST_STAYS}` : ""}`,
    path: holding.tokenPath,
    answer: { status: 204, description: "Revoked" },
    errors: holding.id === "Account" ? [404, 422] : [404],
  }),
  handle: async (call) => revokeTokenOf(call, await holding.holder(call)),
});
