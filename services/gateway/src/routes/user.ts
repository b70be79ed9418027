import { DeleteUser, EndSessions, GetUser } from "@strata/contracts";
import { notFound, requireUserId, userUrl, userView } from "@strata/layer-protocol";
import { accepted, type Answer, type Call, noContent, ok, type Route } from "../http/route.ts";
import { operation } from "../openapi/operation.ts";
import { LocationHeader, UserPath } from "../openapi/parameters.ts";
import { UserView } from "../openapi/user-schemas.ts";
import { actorOf } from "./actor-of.ts";
import type { KnownUsers } from "./known-users.ts";

const path = "/apps/:app/users/:user";

export const getUser = (): Route => ({
  method: "get",
  path,
  access: "users:read",
  operation: operation({
    id: "getUser",
    tag: "Users",
    summary: "A user: her identity, and whether she is suspended",
    path: UserPath,
    answer: { status: 200, description: "The user", schema: UserView },
    errors: [404, 422],
  }),
  handle: get,
});

async function get(call: Call): Promise<Answer> {
  const userId = requireUserId(call.param("user"));
  const { user } = await call.calls.ask(GetUser, { userId });
  if (user === null) throw notFound("There is no such user");
  return ok(userView(call.wire, user));
}

export const deleteUser = ({ users }: { readonly users: KnownUsers }): Route => ({
  method: "delete",
  path,
  access: "users:write",
  operation: operation({
    id: "deleteUser",
    tag: "Users",
    summary: "Forget a user",
    description:
      "The privacy deletion: her identity, sessions, blocks, follows, flags and devices go, and she leaves her conversations. " +
      "What she said to others stays, from a user without an identity. `Location` is where to see what went.",
    path: UserPath,
    answer: {
      status: 202,
      description: "She is forgotten; what other services keep of her goes shortly",
      headers: LocationHeader,
    },
    errors: [404, 422],
  }),
  handle: (call) => remove(call, users),
});

async function remove(call: Call, users: KnownUsers): Promise<Answer> {
  const userId = requireUserId(call.param("user"));
  const { kind, id } = actorOf(call);
  await call.calls.request(DeleteUser, { userId, at: Date.now(), by: { kind, id } });
  users.forget(call.wire.appId, userId);
  return { ...accepted(), headers: { Location: `${userUrl(call.wire, userId)}/deletion` } };
}

export const deleteSessions = (): Route => ({
  method: "delete",
  path: `${path}/sessions`,
  access: "users:write",
  operation: operation({
    id: "deleteSessions",
    tag: "Users",
    summary: "End all sessions of a user, on phones and in browsers",
    path: UserPath,
    answer: { status: 204, description: "Ended" },
    errors: [404, 422],
  }),
  handle: endSessions,
});

async function endSessions(call: Call): Promise<Answer> {
  const userId = requireUserId(call.param("user"));
  await call.calls.request(EndSessions, { userId, at: Date.now() });
  return noContent;
}
