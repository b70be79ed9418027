import { GetUnread, GetUser, ReconcileUnread, type ReplyOf } from "@strata/contracts";
import { notFound, requireUserId } from "@strata/layer-protocol";
import { type Answer, type Call, ok, type Route } from "../http/route.ts";
import { operation } from "../openapi/operation.ts";
import { UserPath } from "../openapi/parameters.ts";
import { ReconciledView, UnreadView } from "../openapi/unread-schemas.ts";

const path = "/apps/:app/users/:user/unread";

export const getUnread = (): Route => ({
  method: "get",
  path,
  access: "conversations:read",
  operation: operation({
    id: "getUnread",
    tag: "Users",
    summary: "How much a user has not read",
    description:
      "The one number that badge and sockets show too. `version` rises from answer to answer: of two, the one with the " +
      "higher version counts.",
    path: UserPath,
    answer: { status: 200, description: "The counts", schema: UnreadView },
    errors: [404, 422],
  }),
  handle: get,
});

async function get(call: Call): Promise<Answer> {
  const userId = requireUserId(call.param("user"));
  // First, since its version is taken first: whatever is told under it may be newer, and never older.
  const unread = await call.calls.ask(GetUnread, { userId });
  return ok(viewOf(unread, await externalUnread(call, userId)));
}

export const reconcileUnread = (): Route => ({
  method: "post",
  path: `${path}/reconcile`,
  access: "conversations:write",
  operation: operation({
    id: "reconcileUnread",
    tag: "Users",
    summary: "Count what a user has not read anew",
    description:
      "Forgets the count of her announcements and makes it again from what is stored. `before` is null where none was kept.",
    path: UserPath,
    answer: { status: 200, description: "Announcements before, and all counts now", schema: ReconciledView },
    errors: [404, 422],
  }),
  handle: reconcile,
});

async function reconcile(call: Call): Promise<Answer> {
  const userId = requireUserId(call.param("user"));
  await externalUnread(call, userId);
  const { before, after } = await call.calls.request(ReconcileUnread, { userId });
  return ok({
    before: before === null ? null : { announcements: before },
    after: viewOf(after, await externalUnread(call, userId)),
  });
}

/** What the app itself counts for her. */
async function externalUnread(call: Call, userId: string): Promise<number> {
  const { user } = await call.calls.ask(GetUser, { userId });
  if (user === null) throw notFound("There is no such user");
  return user.externalUnread;
}

const viewOf = ({ announcements, messages, version }: ReplyOf<typeof GetUnread>, external: number) => ({
  announcements,
  messages,
  external,
  total: announcements + messages + external,
  version,
});
