import { GetMember, type GovernanceAct, ListMembers } from "@strata/contracts";
import { conversationIdOf, type ProfileCache } from "@strata/doors";
import {
  freezeView,
  memberView,
  notFound,
  parseFreeze,
  parseMemberChange,
  parseMemberFilter,
  parseMute,
  parsePaging,
  parseUserCursor,
  USER_PAGES,
} from "@strata/layer-protocol";
import { z } from "zod";
import type { HttpDoor } from "../conversing/doors.ts";
import { govern, memberIdOf, shownTo } from "../conversing/govern.ts";
import { onePage, rowsOfPage } from "../http/page.ts";
import { type Answer, type Call, noContent, ok, type Route } from "../http/route.ts";
import { FreezeBody, FreezeView, MemberBody, MemberFilter, MemberView, MuteBody } from "../openapi/member-schemas.ts";
import { operation } from "../openapi/operation.ts";
import { inConversation, inMember, LayerCount, pagingOf } from "../openapi/parameters.ts";

export interface MemberDeps {
  readonly profiles: ProfileCache;
  readonly maxBodyBytes: number;
}

const pathOf = (door: HttpDoor): string => `${door.prefix}/conversations/:conversation/members`;

/** Who is in a conversation and may do what: an extension, for the backend, and for users by their roles. */
export const conversationMembers = (door: HttpDoor, deps: MemberDeps): readonly Route[] => [
  listing(door, deps),
  getting(door, deps),
  givingRole(door, deps),
  muting(door, deps),
  unmuting(door),
  freezing(door, deps),
  unfreezing(door),
];

const listing = (door: HttpDoor, deps: MemberDeps): Route => ({
  method: "get",
  path: pathOf(door),
  access: "conversations:read",
  operation: operation({
    id: `list${door.words.id}ConversationMembers`,
    tag: "Conversations",
    summary: `Who is in a conversation, with roles and mutes, by user id, as ${door.words.who}`,
    description: "Users see it while they are in it.",
    path: door.path.extend(inConversation),
    query: pagingOf(USER_PAGES, "Identity URI or user id of one of them").extend(MemberFilter.shape),
    answer: { status: 200, description: "One page", schema: z.array(MemberView), headers: LayerCount },
    errors: [403, 404, 410, 422],
  }),
  handle: (call) => list(call, door, deps),
});

async function list(call: Call, door: HttpDoor, { profiles }: MemberDeps): Promise<Answer> {
  const viewer = door.viewer(call);
  const { pageSize: limit, fromId: after } = parsePaging(call.query, USER_PAGES, parseUserCursor);
  const filter = parseMemberFilter(call.query);
  const conversationId = conversationIdOf(call);
  await door.admit(call, viewer);
  const { members, total } = await call.calls.ask(ListMembers, { conversationId, viewer, after, limit, ...filter });
  const rows = rowsOfPage(members);
  const userIds = rows.map(({ userId }) => userId);
  const shown = await shownTo(call, door, profiles, userIds);
  return onePage(
    rows.map((member) => memberView(call.wire, member, shown)),
    total,
  );
}

const getting = (door: HttpDoor, deps: MemberDeps): Route => ({
  method: "get",
  path: `${pathOf(door)}/:member`,
  access: "conversations:read",
  operation: operation({
    id: `get${door.words.id}ConversationMember`,
    tag: "Conversations",
    summary: `A participant with her role and mute, as ${door.words.who}`,
    path: door.path.extend({ ...inConversation, ...inMember }),
    answer: { status: 200, description: "The participant", schema: MemberView },
    errors: [403, 404, 410, 422],
  }),
  handle: (call) => get(call, door, deps),
});

async function get(call: Call, door: HttpDoor, { profiles }: MemberDeps): Promise<Answer> {
  const viewer = door.viewer(call);
  const userId = memberIdOf(call);
  const conversationId = conversationIdOf(call);
  await door.admit(call, viewer);
  const { member } = await call.calls.ask(GetMember, { conversationId, viewer, userId });
  if (member === null) throw notFound("She is no participant");
  return ok(memberView(call.wire, member, await shownTo(call, door, profiles, [userId])));
}

const givingRole = (door: HttpDoor, deps: MemberDeps): Route => ({
  method: "put",
  path: `${pathOf(door)}/:member`,
  access: "conversations:write",
  maxBodyBytes: deps.maxBodyBytes,
  operation: operation({
    id: `put${door.words.id}ConversationMember`,
    tag: "Conversations",
    summary: `Give a participant a role, as ${door.words.who}`,
    description:
      "Where there is an owner or a moderator, only they change participants and metadata. Of users, only an owner gives roles.",
    path: door.path.extend({ ...inConversation, ...inMember }),
    body: MemberBody,
    answer: { status: 200, description: "The participant as she is now", schema: MemberView },
    errors: [403, 404, 410, 413, 422],
  }),
  async handle(call) {
    const { role } = parseMemberChange(call.body);
    return memberAfter(call, door, deps, { kind: "set-role", userId: memberIdOf(call), role });
  },
});

const muting = (door: HttpDoor, deps: MemberDeps): Route => ({
  method: "put",
  path: `${pathOf(door)}/:member/mute`,
  access: "conversations:write",
  maxBodyBytes: deps.maxBodyBytes,
  operation: operation({
    id: `mute${door.words.id}ConversationMember`,
    tag: "Conversations",
    summary: `Let a participant send nothing for a while, as ${door.words.who}`,
    description: "Without an end, or without a body, until she is unmuted. Of users, owners and moderators do it.",
    path: door.path.extend({ ...inConversation, ...inMember }),
    body: MuteBody,
    isBodyOptional: true,
    answer: { status: 200, description: "The participant as she is now", schema: MemberView },
    errors: [403, 404, 410, 413, 422],
  }),
  async handle(call) {
    const mute = parseMute(call.body, Date.now());
    return memberAfter(call, door, deps, { kind: "mute", userId: memberIdOf(call), ...mute });
  },
});

async function memberAfter(
  call: Call,
  door: HttpDoor,
  { profiles }: MemberDeps,
  act: GovernanceAct & { readonly userId: string },
): Promise<Answer> {
  const { member } = await govern(call, door, act);
  // She has left since, and this is a repeat.
  if (member === null) throw notFound("She is no participant");
  return ok(memberView(call.wire, member, await shownTo(call, door, profiles, [act.userId])));
}

const unmuting = (door: HttpDoor): Route => ({
  method: "delete",
  path: `${pathOf(door)}/:member/mute`,
  access: "conversations:write",
  operation: operation({
    id: `unmute${door.words.id}ConversationMember`,
    tag: "Conversations",
    summary: `Let a participant send again, as ${door.words.who}`,
    description: "Of who is not muted it changes nothing.",
    path: door.path.extend({ ...inConversation, ...inMember }),
    answer: { status: 204, description: "Not muted any more" },
    errors: [403, 404, 410, 422],
  }),
  async handle(call) {
    await govern(call, door, { kind: "unmute", userId: memberIdOf(call) });
    return noContent;
  },
});

const freezing = (door: HttpDoor, deps: MemberDeps): Route => ({
  method: "put",
  path: `${door.prefix}/conversations/:conversation/freeze`,
  access: "conversations:write",
  maxBodyBytes: deps.maxBodyBytes,
  operation: operation({
    id: `freeze${door.words.id}Conversation`,
    tag: "Conversations",
    summary: `Let nobody below a moderator write into a conversation, as ${door.words.who}`,
    description:
      "It is shown with the conversation, with who did it, when and why. Of users, owners and moderators do it.",
    path: door.path.extend(inConversation),
    body: FreezeBody,
    isBodyOptional: true,
    answer: { status: 200, description: "Frozen", schema: FreezeView },
    errors: [403, 404, 410, 413, 422],
  }),
  async handle(call) {
    const { conversation } = await govern(call, door, { kind: "freeze", ...parseFreeze(call.body) });
    // It was unfrozen since, and this is a repeat.
    if (!conversation.freeze) throw notFound("The conversation is not frozen");
    return ok(freezeView(call.wire, conversation.freeze));
  },
});

const unfreezing = (door: HttpDoor): Route => ({
  method: "delete",
  path: `${door.prefix}/conversations/:conversation/freeze`,
  access: "conversations:write",
  operation: operation({
    id: `unfreeze${door.words.id}Conversation`,
    tag: "Conversations",
    summary: `Let everybody write into a conversation again, as ${door.words.who}`,
    description: "Of one that is not frozen it changes nothing.",
    path: door.path.extend(inConversation),
    answer: { status: 204, description: "Not frozen any more" },
    errors: [403, 404, 410],
  }),
  async handle(call) {
    await govern(call, door, { kind: "unfreeze" });
    return noContent;
  },
});
