import { SuspendUser } from "@strata/contracts";
import { parseUserPatch, requireUserId, type UserPatch } from "@strata/layer-protocol";
import { accepted, type Answer, type Call, type Route } from "../http/route.ts";
import { operation } from "../openapi/operation.ts";
import { UserPath } from "../openapi/parameters.ts";
import { BlocksPatchBody, UserPatchBody } from "../openapi/user-schemas.ts";
import { changeBlocks } from "./change-blocks.ts";

interface Options {
  readonly maxBodyBytes: number;
}

export const patchUser = ({ maxBodyBytes }: Options): Route => ({
  method: "patch",
  path: "/apps/:app/users/:user",
  access: "users:write",
  maxBodyBytes,
  operation: operation({
    id: "patchUser",
    tag: "Users",
    summary: "Change whom a user blocks, and whether she is suspended",
    description:
      "A suspension ends her sessions and refuses new ones; what a backend does in her name it may still do. From 2.0 " +
      "`blocks` may only be set to an empty list.",
    path: UserPath,
    body: UserPatchBody,
    bodyType: "application/vnd.layer-patch+json",
    answer: { status: 202, description: "Changed" },
    errors: [404, 413, 422],
  }),
  handle: (call) => apply(call, parseUserPatch(call.wire.version, call.body)),
});

/** The original API's changelog has the patch of blocks here, and its pages at the user: both are there. */
export const patchBlocks = ({ maxBodyBytes }: Options): Route => ({
  method: "patch",
  path: "/apps/:app/users/:user/blocks",
  access: "users:write",
  maxBodyBytes,
  operation: operation({
    id: "patchBlocks",
    tag: "Users",
    summary: "Change whom a user blocks",
    path: UserPath,
    body: BlocksPatchBody,
    bodyType: "application/vnd.layer-patch+json",
    answer: { status: 202, description: "Changed" },
    errors: [404, 413, 422],
  }),
  handle: (call) => apply(call, parseUserPatch(call.wire.version, call.body, ["blocks"])),
});

async function apply(call: Call, { blocks, isSuspended }: UserPatch): Promise<Answer> {
  const userId = requireUserId(call.param("user"));
  // First what may be refused: a suspension is none of that once it is known that she exists. An empty patch asks for
  // nothing else.
  if (blocks.length > 0 || isSuspended === null) await changeBlocks(call, userId, blocks);
  if (isSuspended !== null) await call.calls.request(SuspendUser, { userId, isSuspended, at: Date.now() });
  return accepted();
}
