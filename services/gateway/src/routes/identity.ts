import { CreateIdentity, GetIdentities } from "@strata/contracts";
import { identityView, notFound, parseIdempotencyKey, parseIdentity, requireUserId } from "@strata/layer-protocol";
import { digestOf } from "../domain/digest.ts";
import { intentOf } from "../domain/intent.ts";
import { type Answer, type Call, created, ok, type Route } from "../http/route.ts";
import { operation } from "../openapi/operation.ts";
import { IdempotencyKey, UserPath } from "../openapi/parameters.ts";
import { IdentityBody, IdentityView } from "../openapi/user-schemas.ts";

const path = "/apps/:app/users/:user/identity";

export const createIdentity = ({ maxBodyBytes }: { readonly maxBodyBytes: number }): Route => ({
  method: "post",
  path,
  access: "app:write",
  maxBodyBytes,
  operation: operation({
    id: "createIdentity",
    tag: "Users",
    summary: "Give a user an identity: from then on she exists",
    path: UserPath,
    headers: IdempotencyKey,
    body: IdentityBody,
    answer: { status: 201, description: "Created" },
    errors: [409, 413, 422],
  }),
  handle: create,
});

async function create(call: Call): Promise<Answer> {
  const idempotencyKey = parseIdempotencyKey(call.header("Idempotency-Key"));
  const fields = parseIdentity(call.wire.version, call.body);
  const userId = requireUserId(call.param("user"));
  const intent = intentOf({ scope: `${call.wire.appId}/identities`, chosenId: userId, idempotencyKey });
  await call.calls.request(CreateIdentity, { userId, fields }, { id: intent.commandId(digestOf(fields)) });
  return created();
}

export const getIdentity = (): Route => ({
  method: "get",
  path,
  access: "app:read",
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
