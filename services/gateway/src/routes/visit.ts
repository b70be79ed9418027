import { CountMissed, GetUser, RecordVisit, type User } from "@strata/contracts";
import {
  formatOptionalTime,
  notFound,
  objectUri,
  parseSince,
  parseVisit,
  requireUserId,
  visitView,
} from "@strata/layer-protocol";
import { type Answer, type Call, ok, type Route } from "../http/route.ts";
import { MissedQuery, MissedView, VisitBody, VisitView } from "../openapi/inbox-schemas.ts";
import { operation } from "../openapi/operation.ts";
import { UserPath } from "../openapi/parameters.ts";

const path = "/apps/:app/users/:user/visit";

export const putVisit = ({ maxBodyBytes }: { readonly maxBodyBytes: number }): Route => ({
  method: "put",
  path,
  access: "users:write",
  maxBodyBytes,
  operation: operation({
    id: "putVisit",
    tag: "Users",
    summary: "Say that a user was there",
    description:
      "What she has missed is counted from her last visit on. An earlier one that is told later changes nothing.",
    path: UserPath,
    body: VisitBody,
    isBodyOptional: true,
    answer: { status: 200, description: "Her last visit", schema: VisitView },
    errors: [404, 413, 422],
  }),
  handle: put,
});

async function put(call: Call): Promise<Answer> {
  const at = parseVisit(call.body, Date.now());
  const userId = requireUserId(call.param("user"));
  await call.calls.request(RecordVisit, { userId, at });
  return ok(visitView(await userOf(call, userId)));
}

export const getVisit = (): Route => ({
  method: "get",
  path,
  access: "users:read",
  operation: operation({
    id: "getVisit",
    tag: "Users",
    summary: "When a user was there",
    path: UserPath,
    answer: { status: 200, description: "Her last visit", schema: VisitView },
    errors: [404, 422],
  }),
  handle: get,
});

async function get(call: Call): Promise<Answer> {
  return ok(visitView(await userOf(call, requireUserId(call.param("user")))));
}

export const getMissed = (): Route => ({
  method: "get",
  path: "/apps/:app/users/:user/missed",
  access: "users:read",
  operation: operation({
    id: "getMissed",
    tag: "Users",
    summary: "How many announcements a user has missed",
    description:
      "Those that are in her inbox: none that was recalled, has expired, or that she has deleted for herself.",
    path: UserPath,
    query: MissedQuery,
    answer: { status: 200, description: "How many came, and which are the newest", schema: MissedView },
    errors: [404, 422],
  }),
  handle: missed,
});

/** As many as a screen shows. */
const NEWEST = 10;

async function missed(call: Call): Promise<Answer> {
  const asked = parseSince(call.query);
  const userId = requireUserId(call.param("user"));
  const user = await userOf(call, userId);
  const since = asked ?? user.visitedAt ?? null;
  const { count, unread, newest } = await call.calls.ask(CountMissed, { userId, since, newest: NEWEST });
  return ok({
    since: formatOptionalTime(since),
    count,
    unread,
    newest: newest.map((announcementId) => objectUri("announcements", announcementId)),
  });
}

async function userOf(call: Call, userId: string): Promise<User> {
  const { user } = await call.calls.ask(GetUser, { userId });
  if (user === null) throw notFound("There is no such user");
  return user;
}
