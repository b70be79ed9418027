import { GetUnread, GetUser, type ReplyOf, SetExternalUnread } from "@strata/contracts";
import { badgeView, notFound, parseBadge, requireUserId } from "@strata/layer-protocol";
import { type Answer, type Call, ok, type Route } from "../http/route.ts";
import { operation } from "../openapi/operation.ts";
import { UserPath } from "../openapi/parameters.ts";
import { BadgeBody, BadgeView } from "../openapi/user-schemas.ts";

const path = "/apps/:app/users/:user/badge";

export const getBadge = (): Route => ({
  method: "get",
  path,
  access: "users:read",
  operation: operation({
    id: "getBadge",
    tag: "Users",
    summary: "What a user has not read, and what the app itself counts for her",
    path: UserPath,
    answer: { status: 200, description: "The counts", schema: BadgeView },
    errors: [404, 422],
  }),
  handle: get,
});

async function get(call: Call): Promise<Answer> {
  const userId = requireUserId(call.param("user"));
  const [{ user }, unread] = await Promise.all([
    call.calls.ask(GetUser, { userId }),
    call.calls.ask(GetUnread, { userId }),
  ]);
  if (user === null) throw notFound("There is no such user");
  return ok(badgeView({ ...badgeCounts(unread), externalUnread: user.externalUnread }));
}

export const putBadge = ({ maxBodyBytes }: { readonly maxBodyBytes: number }): Route => ({
  method: "put",
  path,
  access: "users:write",
  maxBodyBytes,
  operation: operation({
    id: "putBadge",
    tag: "Users",
    summary: "Set what the app itself counts for a user",
    path: UserPath,
    body: BadgeBody,
    answer: { status: 200, description: "The counts as they are now", schema: BadgeView },
    errors: [404, 413, 422],
  }),
  handle: put,
});

async function put(call: Call): Promise<Answer> {
  const count = parseBadge(call.body);
  const userId = requireUserId(call.param("user"));
  // Before the change: where nobody can tell the counts, nothing is set that the answer could not say.
  const unread = await call.calls.ask(GetUnread, { userId });
  await call.calls.request(SetExternalUnread, { userId, count });
  return ok(badgeView({ ...badgeCounts(unread), externalUnread: count }));
}

/** The numbers of `GET …/unread`, in the badge's own words. */
const badgeCounts = ({ messages, conversations }: ReplyOf<typeof GetUnread>) => ({
  unreadMessages: messages,
  unreadConversations: conversations,
});
