import { ChangeIdentity, CreateIdentity, DeleteIdentity, GetIdentities, ReplaceIdentity } from "@strata/contracts";
import { digestOf, intentOf } from "@strata/doors";
import {
  identityView,
  notFound,
  parseIdempotencyKey,
  parseIdentity,
  parseIdentityPatch,
  requireUserId,
} from "@strata/layer-protocol";
import { type Answer, type Call, created, noContent, ok, type Route } from "../http/route.ts";
import { operation } from "../openapi/operation.ts";
import { IdempotencyKey, UserPath } from "../openapi/parameters.ts";
import { IdentityBody, IdentityPatchBody, IdentityView } from "../openapi/user-schemas.ts";

const path = "/apps/:app/users/:user/identity";

interface Options {
  readonly maxBodyBytes: number;
}

export const createIdentity = ({ maxBodyBytes }: Options): Route => ({
  method: "post",
  path,
  access: "users:write",
  maxBodyBytes,
  operation: operation({
    id: "createIdentity",
    tag: "Users",
    summary: "Give a user an identity: from then on she exists",
    path: UserPath,
    headers: IdempotencyKey,
    body: IdentityBody,
    answer: { status: 201, description: "Created" },
    errors: [409, 410, 413, 422],
  }),
  handle: create,
});

async function create(call: Call): Promise<Answer> {
  const idempotencyKey = parseIdempotencyKey(call.header("Idempotency-Key"));
  const fields = parseIdentity(call.wire.version, call.body);
  const userId = requireUserId(call.param("user"));
  const intent = intentOf({ scope: `${call.wire.appId}/identities`, chosenId: userId, idempotencyKey });
  await call.calls.request(CreateIdentity, { userId, fields }, { id: intent.commandId(() => digestOf(fields)) });
  return created();
}

export const getIdentity = (): Route => ({
  method: "get",
  path,
  access: "users:read",
  operation: operation({
    id: "getIdentity",
    tag: "Users",
    summary: "A user's identity",
    path: UserPath,
    answer: { status: 200, description: "The identity", schema: IdentityView },
    errors: [404, 422],
  }),
  handle: get,
});

async function get(call: Call): Promise<Answer> {
  const userId = requireUserId(call.param("user"));
  const { identities } = await call.calls.ask(GetIdentities, { userIds: [userId] });
  const [identity] = identities;
  if (identity === undefined) throw notFound("There is no such user");
  return ok(identityView(call.wire, userId, identity));
}

export const patchIdentity = ({ maxBodyBytes }: Options): Route => ({
  method: "patch",
  path,
  access: "users:write",
  maxBodyBytes,
  operation: operation({
    id: "patchIdentity",
    tag: "Users",
    summary: "Change some of a user's identity",
    description: "`id`, `url` and `user_id` never change. `metadata` may be set as a whole, or key by key.",
    path: UserPath,
    body: IdentityPatchBody,
    bodyType: "application/vnd.layer-patch+json",
    answer: { status: 204, description: "Changed" },
    errors: [404, 413, 422],
  }),
  handle: patch,
});

async function patch(call: Call): Promise<Answer> {
  const changes = parseIdentityPatch(call.wire.version, call.body);
  const userId = requireUserId(call.param("user"));
  await call.calls.request(ChangeIdentity, { userId, changes });
  return noContent;
}

export const putIdentity = ({ maxBodyBytes }: Options): Route => ({
  method: "put",
  path,
  access: "users:write",
  maxBodyBytes,
  operation: operation({
    id: "putIdentity",
    tag: "Users",
    summary: "Replace a user's identity",
    description: "What is left out is cleared.",
    path: UserPath,
    body: IdentityBody,
    answer: { status: 204, description: "Replaced" },
    errors: [404, 413, 422],
  }),
  handle: put,
});

async function put(call: Call): Promise<Answer> {
  const fields = parseIdentity(call.wire.version, call.body);
  const userId = requireUserId(call.param("user"));
  await call.calls.request(ReplaceIdentity, { userId, fields });
  return noContent;
}

export const deleteIdentity = (): Route => ({
  method: "delete",
  path,
  access: "users:write",
  operation: operation({
    id: "deleteIdentity",
    tag: "Users",
    summary: "Take a user's identity away",
    description: "She stays a user, with her messages and conversations.",
    path: UserPath,
    answer: { status: 204, description: "She has none any more" },
    errors: [404, 422],
  }),
  handle: remove,
});

async function remove(call: Call): Promise<Answer> {
  const userId = requireUserId(call.param("user"));
  await call.calls.request(DeleteIdentity, { userId });
  return noContent;
}
