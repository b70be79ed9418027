import { GetUser } from "@strata/contracts";
import type { SettingsCache } from "@strata/doors";
import { clientIdentityView, identitySeenBy, notFound, requireUserId, USER_PAGES } from "@strata/layer-protocol";
import { z } from "zod";
import { onePage } from "../http/page.ts";
import { type Answer, type Call, ok, type Route } from "../http/route.ts";
import { forSession } from "../openapi/client-operation.ts";
import { operation } from "../openapi/operation.ts";
import { LayerCount, OtherPath, pagingOf } from "../openapi/parameters.ts";
import { ClientIdentityView } from "../openapi/user-schemas.ts";
import { followingPage } from "./following.ts";
import type { KnownUsers } from "./known-users.ts";

interface Deps {
  readonly users: KnownUsers;
  readonly settings: SettingsCache;
}

/** Identities as one user sees them: all of her own, and of others what the app's settings show. */
export const clientIdentities = (deps: Deps): readonly Route[] => [
  {
    method: "get",
    path: "/identities",
    access: "session",
    operation: forSession(
      operation({
        id: "clientListIdentities",
        tag: "Client API",
        summary: "The identities of those whom the user follows, by user id",
        query: pagingOf(USER_PAGES, "Identity URI or user id of one of them"),
        answer: {
          status: 200,
          description: "One page of full identities; who has none has her ids alone",
          schema: z.array(ClientIdentityView),
          headers: LayerCount,
        },
        errors: [404, 422],
      }),
    ),
    handle: (call) => list(call, deps),
  },
  {
    method: "get",
    path: "/identities/:other",
    access: "session",
    operation: forSession(
      operation({
        id: "clientGetIdentity",
        tag: "Client API",
        summary: "The user's own identity, or another's as she sees it",
        description:
          "Phone number and e-mail address of others are null, and their metadata empty, unless the app shows them.",
        path: OtherPath,
        answer: {
          status: 200,
          description: "The identity; who has none has her ids alone",
          schema: ClientIdentityView,
        },
        errors: [404, 422],
      }),
    ),
    handle: (call) => get(call, deps),
  },
];

async function list(call: Call, { users, settings }: Deps): Promise<Answer> {
  const viewerId = requireUserId(call.param("user"));
  const [visibility, { following, total }] = await Promise.all([
    settings.of(call),
    followingPage(call, users, { withIdentities: true }),
  ]);
  const views = following.map(({ userId, identity }) =>
    clientIdentityView(call.wire, userId, identity && identitySeenBy(viewerId, userId, identity, visibility)),
  );
  return onePage(views, total);
}

async function get(call: Call, { settings }: Deps): Promise<Answer> {
  const viewerId = requireUserId(call.param("user"));
  const userId = requireUserId(call.param("other"));
  const [visibility, { user }] = await Promise.all([settings.of(call), call.calls.ask(GetUser, { userId })]);
  if (user === null) throw notFound("There is no such user");
  const seen = user.identity && identitySeenBy(viewerId, userId, user.identity, visibility);
  return ok(clientIdentityView(call.wire, userId, seen));
}
