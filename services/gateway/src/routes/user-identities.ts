import { GetUser } from "@strata/contracts";
import type { SettingsCache } from "@strata/doors";
import { identitySeenBy, identityView, notFound, requireUserId, USER_PAGES } from "@strata/layer-protocol";
import { z } from "zod";
import { onePage } from "../http/page.ts";
import { type Answer, type Call, ok, type Route } from "../http/route.ts";
import { operation } from "../openapi/operation.ts";
import { LayerCount, OtherUserPath, pagingOf, UserPath } from "../openapi/parameters.ts";
import { IdentityView } from "../openapi/user-schemas.ts";
import { followingPage } from "./following.ts";
import type { KnownUsers } from "./known-users.ts";

const path = "/apps/:app/users/:user/identities";
const versions = ["2.0", "3.0"] as const;

/** Management: a backend sees all of everybody. */
export const listIdentities = ({ users }: { readonly users: KnownUsers }): Route => ({
  method: "get",
  path,
  access: "users:read",
  versions,
  operation: operation({
    id: "listIdentities",
    tag: "Users",
    summary: "The identities of those whom a user follows, by user id",
    path: UserPath,
    query: pagingOf(USER_PAGES, "Identity URI or user id of one of them"),
    answer: {
      status: 200,
      description: "One page of full identities; who has none has her ids alone",
      schema: z.array(IdentityView),
      headers: LayerCount,
    },
    errors: [404, 422],
  }),
  handle: async (call) => {
    const { following, total } = await followingPage(call, users, { withIdentities: true });
    return onePage(
      following.map(({ userId, identity }) => identityView(call.wire, userId, identity)),
      total,
    );
  },
});

interface Deps {
  readonly users: KnownUsers;
  readonly settings: SettingsCache;
}

export const getIdentityAsUser = (deps: Deps): Route => ({
  method: "get",
  path: `${path}/:other`,
  access: "users:read",
  versions,
  operation: operation({
    id: "getIdentityAsUser",
    tag: "Users",
    summary: "An identity as a user sees it",
    description: "Phone number, e-mail address and metadata of others are null unless the app's settings show them.",
    path: OtherUserPath,
    answer: { status: 200, description: "The identity; who has none has her ids alone", schema: IdentityView },
    errors: [404, 422],
  }),
  handle: (call) => getAsUser(call, deps),
});

async function getAsUser(call: Call, { users, settings }: Deps): Promise<Answer> {
  const viewerId = requireUserId(call.param("user"));
  const userId = requireUserId(call.param("other"));
  await users.require(call, viewerId);
  const [visibility, { user }] = await Promise.all([settings.of(call), call.calls.ask(GetUser, { userId })]);
  if (user === null) throw notFound("There is no such user");
  const seen = user.identity === null ? null : identitySeenBy(viewerId, userId, user.identity, visibility);
  return ok(identityView(call.wire, userId, seen));
}
