import { AcceptInvite, DeclineInvite, GetInvite, type Invite, ListUserInvites } from "@strata/contracts";
import { conversationLimits, findConversation } from "@strata/doors";
import { guestInviteView, OBJECT_PAGES, parseInviteCode, parseObjectId, parsePaging } from "@strata/layer-protocol";
import { z } from "zod";
import type { UserDoor } from "../conversing/doors.ts";
import { onePage, rowsOfPage } from "../http/page.ts";
import { type Answer, type Call, noContent, ok, type Route } from "../http/route.ts";
import { UserConversationView } from "../openapi/conversation-schemas.ts";
import { GuestInviteView, InviteCodeBody } from "../openapi/invite-schemas.ts";
import { operation } from "../openapi/operation.ts";
import { LayerCount, ofInvite, pagingOf } from "../openapi/parameters.ts";
import type { ConversationDeps } from "./conversations.ts";
import { inviteIdOf, noInvite, requireInvite } from "./invites.ts";

/** What a user does with the invites that are hers, and with codes: an extension. */
export const guestRoutes = (door: UserDoor, deps: ConversationDeps): readonly Route[] => [
  listing(door),
  redeeming(door, deps),
  getting(door),
  accepting(door, deps),
  declining(door),
];

const listing = (door: UserDoor): Route => ({
  method: "get",
  path: `${door.prefix}/invites`,
  access: "conversations:read",
  operation: operation({
    id: "listUserInvites",
    tag: "Conversations",
    summary: "The invites that a user may accept, newest first",
    path: door.path,
    query: pagingOf(OBJECT_PAGES, "URI or UUID of an invite of hers"),
    answer: { status: 200, description: "One page", schema: z.array(GuestInviteView), headers: LayerCount },
    errors: [404, 422],
  }),
  handle: (call) => list(call, door),
});

async function list(call: Call, door: UserDoor): Promise<Answer> {
  const userId = door.viewer(call);
  const { pageSize, fromId } = parsePaging(call.query, OBJECT_PAGES, (text) => parseObjectId("invites", text));
  await door.admit(call, userId);
  const { invites, total } = await call.calls.ask(ListUserInvites, { userId, after: fromId, limit: pageSize });
  return onePage(
    rowsOfPage(invites).map((invite) => guestInviteView(call.wire, userId, invite)),
    total,
  );
}

const getting = (door: UserDoor): Route => ({
  method: "get",
  path: `${door.prefix}/invites/:invite`,
  access: "conversations:read",
  operation: operation({
    id: "getGuestInvite",
    tag: "Conversations",
    summary: "An invite of a user's",
    description: "Also one that is over: `state` says how.",
    path: door.path.extend(ofInvite),
    answer: { status: 200, description: "The invite", schema: GuestInviteView },
    errors: [404, 422],
  }),
  async handle(call) {
    const userId = door.viewer(call);
    const inviteId = inviteIdOf(call);
    await door.admit(call, userId);
    return ok(guestInviteView(call.wire, userId, await findOwn(call, userId, inviteId)));
  },
});

const accepting = (door: UserDoor, deps: ConversationDeps): Route => ({
  method: "post",
  path: `${door.prefix}/invites/:invite/accept`,
  access: "conversations:write",
  operation: operation({
    id: "acceptInvite",
    tag: "Conversations",
    summary: "Come into a conversation by an invite",
    description: "Again: the same. 410 when the invite is over; its message says how.",
    path: door.path.extend(ofInvite),
    answer: { status: 200, description: "The conversation, in which she takes part", schema: UserConversationView },
    errors: [403, 404, 410, 422],
  }),
  async handle(call) {
    const userId = door.viewer(call);
    const inviteId = inviteIdOf(call);
    await door.admit(call, userId);
    return accept(call, deps, userId, await findOwn(call, userId, inviteId));
  },
});

const redeeming = (door: UserDoor, deps: ConversationDeps): Route => ({
  method: "post",
  path: `${door.prefix}/redeem_invite`,
  access: "conversations:write",
  maxBodyBytes: deps.maxBodyBytes,
  operation: operation({
    id: "redeemInvite",
    tag: "Conversations",
    summary: "Come into a conversation by a code",
    description: "Who takes part already takes no use of it. 410 when it is over; its message says how.",
    path: door.path,
    body: InviteCodeBody,
    answer: { status: 200, description: "The conversation, in which she takes part", schema: UserConversationView },
    errors: [403, 404, 410, 413, 422],
  }),
  async handle(call) {
    const userId = door.viewer(call);
    const code = parseInviteCode(call.body);
    await door.admit(call, userId);
    const { invite } = await call.calls.ask(GetInvite, { by: { code }, viewer: userId });
    return accept(call, deps, userId, requireInvite(invite));
  },
});

async function accept(
  call: Call,
  { settings, composer }: ConversationDeps,
  userId: string,
  { conversationId, inviteId }: Invite,
): Promise<Answer> {
  const limits = await conversationLimits(settings, call);
  await call.calls.request(AcceptInvite, { conversationId, inviteId, userId, limits });
  const { view, refusal } = await findConversation(call, composer, userId, conversationId);
  if (view === null) throw refusal;
  return ok(view);
}

const declining = (door: UserDoor): Route => ({
  method: "post",
  path: `${door.prefix}/invites/:invite/decline`,
  access: "conversations:write",
  operation: operation({
    id: "declineInvite",
    tag: "Conversations",
    summary: "Say that a user does not want to come",
    description: "Again: the same. 410 when the invite is over otherwise.",
    path: door.path.extend(ofInvite),
    answer: { status: 204, description: "Declined" },
    errors: [404, 410, 422],
  }),
  async handle(call) {
    const userId = door.viewer(call);
    const inviteId = inviteIdOf(call);
    await door.admit(call, userId);
    const { conversationId } = await findOwn(call, userId, inviteId);
    await call.calls.request(DeclineInvite, { conversationId, inviteId, userId });
    return noContent;
  },
});

/** An invite that names her: what she sees of a conversation's others, as one who takes part, is not hers to accept. */
async function findOwn(call: Call, userId: string, inviteId: string): Promise<Invite> {
  const { invite } = await call.calls.ask(GetInvite, { by: { inviteId }, viewer: userId });
  if (invite?.userId !== userId) throw noInvite();
  return invite;
}
