import { GetLocation, RemoveLocation, SetLocation } from "@strata/contracts";
import { locationView, notFound, parseLocation, requireUserId } from "@strata/layer-protocol";
import { type Answer, type Call, noContent, ok, type Route } from "../http/route.ts";
import { LocationBody, LocationView } from "../openapi/audience-schemas.ts";
import { operation } from "../openapi/operation.ts";
import { UserPath } from "../openapi/parameters.ts";
import type { KnownUsers } from "./known-users.ts";

const path = "/apps/:app/users/:user/location";

export const putLocation = ({ maxBodyBytes }: { readonly maxBodyBytes: number }): Route => ({
  method: "put",
  path,
  access: "users:write",
  maxBodyBytes,
  operation: operation({
    id: "putLocation",
    tag: "Users",
    summary: "Say where a user is",
    description: "Only her last location is kept. One that is older than that changes nothing.",
    path: UserPath,
    body: LocationBody,
    answer: { status: 200, description: "Where she was last known to be", schema: LocationView },
    errors: [404, 413, 422],
  }),
  handle: put,
});

async function put(call: Call): Promise<Answer> {
  const wanted = parseLocation(call.body, Date.now());
  const userId = requireUserId(call.param("user"));
  const { location } = await call.calls.request(SetLocation, { userId, location: wanted });
  return ok(locationView(location));
}

export const getLocation = ({ users }: { readonly users: KnownUsers }): Route => ({
  method: "get",
  path,
  access: "users:read",
  operation: operation({
    id: "getLocation",
    tag: "Users",
    summary: "Where a user was last known to be",
    path: UserPath,
    answer: { status: 200, description: "Where she was, and when", schema: LocationView },
    errors: [404, 422],
  }),
  handle: (call) => get(call, users),
});

async function get(call: Call, users: KnownUsers): Promise<Answer> {
  const userId = requireUserId(call.param("user"));
  await users.require(call, userId);
  const { location } = await call.calls.ask(GetLocation, { userId });
  if (location === null) throw notFound("Nobody said where this user is");
  return ok(locationView(location));
}

export const deleteLocation = (): Route => ({
  method: "delete",
  path,
  access: "users:write",
  operation: operation({
    id: "deleteLocation",
    tag: "Users",
    summary: "Forget where a user is",
    path: UserPath,
    answer: { status: 204, description: "Forgotten" },
    errors: [404, 422],
  }),
  handle: remove,
});

async function remove(call: Call): Promise<Answer> {
  const userId = requireUserId(call.param("user"));
  await call.calls.request(RemoveLocation, { userId });
  return noContent;
}
