import { GetBan, ListBans } from "@strata/contracts";
import { conversationIdOf } from "@strata/doors";
import { banView, notFound, parseBan, parsePaging, parseUserCursor, USER_PAGES } from "@strata/layer-protocol";
import { z } from "zod";
import type { HttpDoor } from "../conversing/doors.ts";
import { govern, memberIdOf, shownTo } from "../conversing/govern.ts";
import { onePage, rowsOfPage } from "../http/page.ts";
import { type Answer, type Call, noContent, ok, type Route } from "../http/route.ts";
import { BanBody, BanView } from "../openapi/member-schemas.ts";
import { operation } from "../openapi/operation.ts";
import { inConversation, inMember, LayerCount, pagingOf } from "../openapi/parameters.ts";
import type { MemberDeps } from "./conversation-members.ts";

const pathOf = (door: HttpDoor): string => `${door.prefix}/conversations/:conversation/bans`;

/** Who is out of a conversation and comes in by no way: an extension, for the backend, owners and moderators. */
export const conversationBans = (door: HttpDoor, deps: MemberDeps): readonly Route[] => [
  listing(door, deps),
  getting(door, deps),
  banning(door, deps),
  unbanning(door),
];

const listing = (door: HttpDoor, deps: MemberDeps): Route => ({
  method: "get",
  path: pathOf(door),
  access: "conversations:read",
  operation: operation({
    id: `list${door.words.id}ConversationBans`,
    tag: "Conversations",
    summary: `Who is banned from a conversation now, by user id, as ${door.words.who}`,
    path: door.path.extend(inConversation),
    query: pagingOf(USER_PAGES, "Identity URI or user id of one of them"),
    answer: { status: 200, description: "One page", schema: z.array(BanView), headers: LayerCount },
    errors: [403, 404, 410, 422],
  }),
  handle: (call) => list(call, door, deps),
});

async function list(call: Call, door: HttpDoor, { profiles }: MemberDeps): Promise<Answer> {
  const viewer = door.viewer(call);
  const { pageSize: limit, fromId: after } = parsePaging(call.query, USER_PAGES, parseUserCursor);
  const conversationId = conversationIdOf(call);
  await door.admit(call, viewer);
  const { bans, total } = await call.calls.ask(ListBans, { conversationId, viewer, after, limit });
  const rows = rowsOfPage(bans);
  const userIds = rows.map(({ userId }) => userId);
  const shown = await shownTo(call, door, profiles, userIds);
  return onePage(
    rows.map((ban) => banView(call.wire, ban, shown)),
    total,
  );
}

const getting = (door: HttpDoor, deps: MemberDeps): Route => ({
  method: "get",
  path: `${pathOf(door)}/:member`,
  access: "conversations:read",
  operation: operation({
    id: `get${door.words.id}ConversationBan`,
    tag: "Conversations",
    summary: `Since when, until when and why a user is banned, as ${door.words.who}`,
    path: door.path.extend({ ...inConversation, ...inMember }),
    answer: { status: 200, description: "The ban", schema: BanView },
    errors: [403, 404, 410, 422],
  }),
  handle: (call) => get(call, door, deps),
});

async function get(call: Call, door: HttpDoor, { profiles }: MemberDeps): Promise<Answer> {
  const viewer = door.viewer(call);
  const userId = memberIdOf(call);
  const conversationId = conversationIdOf(call);
  await door.admit(call, viewer);
  const { ban } = await call.calls.ask(GetBan, { conversationId, viewer, userId });
  if (ban === null) throw notFound("She is not banned");
  return ok(banView(call.wire, ban, await shownTo(call, door, profiles, [userId])));
}

const banning = (door: HttpDoor, deps: MemberDeps): Route => ({
  method: "put",
  path: `${pathOf(door)}/:member`,
  access: "conversations:write",
  maxBodyBytes: deps.maxBodyBytes,
  operation: operation({
    id: `ban${door.words.id}FromConversation`,
    tag: "Conversations",
    summary: `Ban a user from a conversation, as ${door.words.who}`,
    description:
      "She is removed, and nobody brings her in again, by whatever way, until she is unbanned or it ends: 403 `user_banned`. " +
      "She sees what was said until then, as whoever was removed. Of users, owners and moderators do it.",
    path: door.path.extend({ ...inConversation, ...inMember }),
    body: BanBody,
    isBodyOptional: true,
    answer: { status: 200, description: "Banned", schema: BanView },
    errors: [403, 404, 410, 413, 422],
  }),
  handle: (call) => put(call, door, deps),
});

async function put(call: Call, door: HttpDoor, { profiles }: MemberDeps): Promise<Answer> {
  const wanted = parseBan(call.body, Date.now());
  const userId = memberIdOf(call);
  const { ban } = await govern(call, door, { kind: "ban", userId, ...wanted });
  // She was unbanned since, and this is a repeat.
  if (ban === null) throw notFound("She is not banned");
  return ok(banView(call.wire, ban, await shownTo(call, door, profiles, [userId])));
}

const unbanning = (door: HttpDoor): Route => ({
  method: "delete",
  path: `${pathOf(door)}/:member`,
  access: "conversations:write",
  operation: operation({
    id: `unban${door.words.id}FromConversation`,
    tag: "Conversations",
    summary: `Let a user be brought into a conversation again, as ${door.words.who}`,
    description: "She is not brought back by this. Of who is not banned it changes nothing.",
    path: door.path.extend({ ...inConversation, ...inMember }),
    answer: { status: 204, description: "Not banned any more" },
    errors: [403, 404, 410, 422],
  }),
  async handle(call) {
    await govern(call, door, { kind: "unban", userId: memberIdOf(call) });
    return noContent;
  },
});
