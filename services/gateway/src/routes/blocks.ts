import { ListBlocks, MakeUsersKnown } from "@strata/contracts";
import type { ProfileCache } from "@strata/doors";
import { blocksView, parseBlock, requireUserId, usesIdentityIds } from "@strata/layer-protocol";
import { type Answer, type Call, noContent, ok, type Route } from "../http/route.ts";
import { operation } from "../openapi/operation.ts";
import { BlockedUserPath, UserPath } from "../openapi/parameters.ts";
import { BlockBody, BlocksView } from "../openapi/user-schemas.ts";
import { changeBlocks } from "./change-blocks.ts";
import type { KnownUsers } from "./known-users.ts";

const path = "/apps/:app/users/:user/blocks";
/** Later versions patch the list (server API 10.3). */
const OLD_VERSIONS = ["1.0", "1.1"] as const;

interface Deps {
  readonly users: KnownUsers;
  readonly profiles: ProfileCache;
}

export const listBlocks = (deps: Deps): Route => ({
  method: "get",
  path,
  access: "users:read",
  operation: operation({
    id: "listBlocks",
    tag: "Users",
    summary: "Whom a user blocks, the first blocked first",
    path: UserPath,
    answer: { status: 200, description: "All of them", schema: BlocksView },
    errors: [404, 422],
  }),
  handle: (call) => list(call, deps),
});

async function list(call: Call, { users, profiles }: Deps): Promise<Answer> {
  const userId = requireUserId(call.param("user"));
  if (usesIdentityIds(call.wire.version)) await users.require(call, userId);
  // Clients of 1.x block before anything else is known of a user, and look at the list first (server API 10.7).
  else if (!(await users.isKnown(call, userId))) {
    await call.calls.request(MakeUsersKnown, { userIds: [userId], at: Date.now() });
  }
  const { blocked } = await call.calls.ask(ListBlocks, { userId });
  return ok(blocksView(call.wire, blocked, await profiles.of(call, usesIdentityIds(call.wire.version) ? blocked : [])));
}

export const createBlock = ({ maxBodyBytes }: { readonly maxBodyBytes: number }): Route => ({
  method: "post",
  path,
  access: "users:write",
  versions: OLD_VERSIONS,
  maxBodyBytes,
  operation: operation({
    id: "createBlock",
    tag: "Users",
    summary: "Block a user (1.x)",
    description: "Versions 1.0 and 1.1; later ones patch the list. Blocking again changes nothing.",
    path: UserPath,
    body: BlockBody,
    answer: { status: 204, description: "Blocked" },
    errors: [404, 405, 413, 422],
  }),
  handle: block,
});

async function block(call: Call): Promise<Answer> {
  const blockedId = parseBlock(call.body);
  const userId = requireUserId(call.param("user"));
  await changeBlocks(call, userId, [{ kind: "block", userId: blockedId }]);
  return noContent;
}

export const deleteBlock = (): Route => ({
  method: "delete",
  path: `${path}/:blocked`,
  access: "users:write",
  versions: OLD_VERSIONS,
  allowElsewhere: ["get"],
  operation: operation({
    id: "deleteBlock",
    tag: "Users",
    summary: "Unblock a user (1.x)",
    description: "Versions 1.0 and 1.1; later ones patch the list. Unblocking who is not blocked changes nothing.",
    path: BlockedUserPath,
    answer: { status: 204, description: "Not blocked any more" },
    errors: [404, 405, 422],
  }),
  handle: unblock,
});

async function unblock(call: Call): Promise<Answer> {
  const userId = requireUserId(call.param("user"));
  await changeBlocks(call, userId, [{ kind: "unblock", userId: requireUserId(call.param("blocked")) }]);
  return noContent;
}
