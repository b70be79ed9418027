import { ChangeFollowing, FindUnknownUsers, IsFollowing, ListFollowing } from "@strata/contracts";
import {
  identityUri,
  notFound,
  parseFollowing,
  parsePaging,
  parseUserCursor,
  requireUserId,
  USER_PAGES,
} from "@strata/layer-protocol";
import { onePage } from "../http/page.ts";
import { accepted, type Answer, type Call, noContent, type Route } from "../http/route.ts";
import { operation } from "../openapi/operation.ts";
import { FollowedUserPath, LayerCount, pagingOf, UserPath } from "../openapi/parameters.ts";
import { FollowingBody, FollowingView } from "../openapi/user-schemas.ts";
import type { KnownUsers } from "./known-users.ts";

const path = "/apps/:app/users/:user/following";
const oneOf = `${path}/:followed`;
/** Following came with identities; 1.x knows neither. */
const versions = ["2.0", "3.0"] as const;
/** Of one command. */
const MAX_FOLLOWED = 1_000;

export const follow = (): Route => ({
  method: "put",
  path: oneOf,
  access: "users:write",
  versions,
  operation: operation({
    id: "followUser",
    tag: "Users",
    summary: "Let a user follow another",
    description: "Whom she follows is known from then on.",
    path: FollowedUserPath,
    answer: { status: 204, description: "She follows her" },
    errors: [404, 422],
  }),
  handle: async (call) => {
    await requireFollowable(call, [requireUserId(call.param("followed"))]);
    return change(call, "follow");
  },
});

export const unfollow = (): Route => ({
  method: "delete",
  path: oneOf,
  access: "users:write",
  versions,
  operation: operation({
    id: "unfollowUser",
    tag: "Users",
    summary: "Let a user no longer follow another",
    description: "Also where she does only because they share a conversation; the next one makes her follow again.",
    path: FollowedUserPath,
    answer: { status: 204, description: "She does not follow her" },
    errors: [404, 422],
  }),
  handle: (call) => change(call, "unfollow"),
});

/** A backend makes users by naming them. A user who could would make them without end, so she follows who is there. */
async function requireFollowable(call: Call, followed: readonly string[]): Promise<void> {
  if (!call.wire.isClientApi) return;
  for (let start = 0; start < followed.length; start += MAX_FOLLOWED) {
    const { unknown } = await call.calls.ask(FindUnknownUsers, {
      userIds: followed.slice(start, start + MAX_FOLLOWED),
    });
    if (unknown.length > 0) throw notFound("There is no such user");
  }
}

async function change(call: Call, verb: "follow" | "unfollow"): Promise<Answer> {
  const userId = requireUserId(call.param("user"));
  const followed = requireUserId(call.param("followed"));
  await call.calls.request(ChangeFollowing, {
    userId,
    follow: [],
    unfollow: [],
    [verb]: [followed],
    at: Date.now(),
  });
  return noContent;
}

export const isFollowing = (): Route => ({
  method: "get",
  path: oneOf,
  access: "users:read",
  versions,
  operation: operation({
    id: "isFollowing",
    tag: "Users",
    summary: "Whether a user follows another",
    path: FollowedUserPath,
    answer: { status: 204, description: "She does; 404 where she does not" },
    errors: [404, 422],
  }),
  handle: check,
});

async function check(call: Call): Promise<Answer> {
  const userId = requireUserId(call.param("user"));
  const followed = requireUserId(call.param("followed"));
  const reply = await call.calls.ask(IsFollowing, { userId, followed });
  if (!reply.isFollowing) throw notFound("She does not follow this user");
  return noContent;
}

export const followMany = ({ maxBodyBytes }: { readonly maxBodyBytes: number }): Route => ({
  method: "post",
  path,
  access: "users:write",
  versions,
  maxBodyBytes,
  operation: operation({
    id: "followUsers",
    tag: "Users",
    summary: "Let a user follow others",
    description: "In addition to whom she follows already.",
    path: UserPath,
    body: FollowingBody,
    answer: { status: 202, description: "She follows them" },
    errors: [404, 413, 422],
  }),
  handle: followAll,
});

/** An empty list asks for nothing, and yet for a user who is there. */
async function followAll(call: Call): Promise<Answer> {
  const followed = parseFollowing(call.wire.version, call.body);
  const userId = requireUserId(call.param("user"));
  await requireFollowable(call, followed);
  let next = 0;
  do {
    const some = followed.slice(next, next + MAX_FOLLOWED);
    await call.calls.request(ChangeFollowing, { userId, follow: some, unfollow: [], at: Date.now() });
    next += MAX_FOLLOWED;
  } while (next < followed.length);
  return accepted();
}

export const listFollowing = ({ users }: { readonly users: KnownUsers }): Route => ({
  method: "get",
  path,
  access: "users:read",
  versions,
  operation: operation({
    id: "listFollowing",
    tag: "Users",
    summary: "Whom a user follows, by user id",
    path: UserPath,
    query: pagingOf(USER_PAGES, "Identity URI or user id of one of them"),
    answer: { status: 200, description: "One page of identity ids", schema: FollowingView, headers: LayerCount },
    errors: [404, 422],
  }),
  handle: async (call) => {
    const { following, total } = await followingPage(call, users, { withIdentities: false });
    return onePage(
      following.map(({ userId }) => identityUri(userId)),
      total,
    );
  },
});

/**
 * The page that the query asks for, of whom the user in the path follows.
 * @throws LayerError 404 `not_found` for a user who is not known, and for a `from_id` whom she does not follow
 */
export async function followingPage(
  call: Call,
  users: KnownUsers,
  { withIdentities }: { readonly withIdentities: boolean },
) {
  const userId = requireUserId(call.param("user"));
  const { pageSize: limit, fromId: after } = parsePaging(call.query, USER_PAGES, parseUserCursor);
  await users.require(call, userId);
  const [page, { isFollowing: isRow }] = await Promise.all([
    call.calls.ask(ListFollowing, { userId, after, limit, withIdentities }),
    after === null ? { isFollowing: true } : call.calls.ask(IsFollowing, { userId, followed: after }),
  ]);
  if (!isRow) throw notFound("from_id names no row of this list");
  return page;
}
