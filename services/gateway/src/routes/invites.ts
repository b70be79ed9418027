import { randomBytes } from "node:crypto";
import { CreateInvite, GetInvite, type Invite, ListInvites, RevokeInvite } from "@strata/contracts";
import { conversationIdOf, conversationLimits, digestOf, intentOf, notShown } from "@strata/doors";
import {
  accessDenied,
  chosenObjectId,
  conflict,
  inviteView,
  notFound,
  OBJECT_PAGES,
  parseIdempotencyKey,
  parseIfNoneMatch,
  parseInvite,
  parseInviteState,
  parseObjectId,
  parsePaging,
  requireJsonObject,
} from "@strata/layer-protocol";
import { z } from "zod";
import type { HttpDoor } from "../conversing/doors.ts";
import { onePage, rowsOfPage } from "../http/page.ts";
import { type Answer, type Call, created, noContent, ok, type Route } from "../http/route.ts";
import { InviteBody, InviteStateQuery, InviteView } from "../openapi/invite-schemas.ts";
import { operation } from "../openapi/operation.ts";
import { CreationHeaders, inConversation, LayerCount, ofInvite, pagingOf } from "../openapi/parameters.ts";
import type { ConversationDeps } from "./conversations.ts";

const pathOf = (door: HttpDoor): string => `${door.prefix}/conversations/:conversation/invites`;

/** Invites of a conversation, for its backend and for those in it: an extension. */
export const inviteRoutes = (door: HttpDoor, deps: ConversationDeps): readonly Route[] => [
  creating(door, deps),
  listing(door),
  getting(door),
  revoking(door),
];

const creating = (door: HttpDoor, deps: ConversationDeps): Route => ({
  method: "post",
  path: pathOf(door),
  access: "conversations:write",
  maxBodyBytes: deps.maxBodyBytes,
  operation: operation({
    id: `create${door.words.id}Invite`,
    tag: "Conversations",
    summary: `Invite into a conversation as ${door.words.who}`,
    description:
      "One user, or with `max_uses` whoever has the code that is made. Nobody takes part until she accepts. A user who has " +
      "an invite that is pending is 409 `conflict`, whose `data` is that one; who takes part already, 422.",
    path: door.path.extend(inConversation),
    headers: CreationHeaders,
    body: InviteBody,
    answer: { status: 201, description: "Invited", schema: InviteView },
    errors: [403, 404, 409, 410, 413, 422],
  }),
  handle: (call) => create(call, door, deps),
});

/** 128 bits: nobody comes in by guessing. */
const newCode = (): string => randomBytes(16).toString("base64url");

async function create(call: Call, door: HttpDoor, { settings }: ConversationDeps): Promise<Answer> {
  const ifNoneMatch = parseIfNoneMatch(call.header("If-None-Match"));
  const idempotencyKey = parseIdempotencyKey(call.header("Idempotency-Key"));
  const actor = door.viewer(call);
  const { maxMetadataBytes } = await conversationLimits(settings, call);
  const fields = requireJsonObject(call.body);
  const now = Date.now();
  const { to, ...terms } = parseInvite(fields, { version: call.wire.version, now, maxMetadataBytes, actor });
  const conversationId = conversationIdOf(call);
  const chosenId = chosenObjectId("invites", ifNoneMatch, fields);
  const scope = JSON.stringify([call.wire.appId, actor, conversationId, "invites"]);
  const intent = intentOf({ scope, chosenId, idempotencyKey });
  await door.admit(call, actor);
  const { outcome, invite } = await call.calls.request(
    CreateInvite,
    {
      conversationId,
      inviteId: intent.id,
      actor,
      ...terms,
      to: "userId" in to ? to : { ...to, code: newCode() },
    },
    // As it was asked: a time to live begins anew with each repeat, and a code is made anew.
    { id: intent.commandId(() => digestOf(fields)) },
  );
  const view = invite && inviteView(call.wire, actor, invite);
  if (outcome === "conflict") throw conflict("She has been invited, and may still accept", view);
  if (outcome === "in-use") throw intent.inUse(view);
  return created(view);
}

const listing = (door: HttpDoor): Route => ({
  method: "get",
  path: pathOf(door),
  access: "conversations:read",
  operation: operation({
    id: `list${door.words.id}ConversationInvites`,
    tag: "Conversations",
    summary: `A conversation's invites as ${door.words.who} sees them, newest first`,
    path: door.path.extend(inConversation),
    query: pagingOf(OBJECT_PAGES, "URI or UUID of an invite of this list").extend({ state: InviteStateQuery }),
    answer: { status: 200, description: "One page", schema: z.array(InviteView), headers: LayerCount },
    errors: [403, 404, 410, 422],
  }),
  handle: (call) => list(call, door),
});

async function list(call: Call, door: HttpDoor): Promise<Answer> {
  const viewer = door.viewer(call);
  const wanted = parseInviteState(call.query["state"]);
  const { pageSize, fromId } = parsePaging(call.query, OBJECT_PAGES, (text) => parseObjectId("invites", text));
  const conversationId = conversationIdOf(call);
  await door.admit(call, viewer);
  const { state, standing, invites, total } = await call.calls.ask(ListInvites, {
    conversationId,
    viewer,
    state: wanted,
    after: fromId,
    limit: pageSize,
  });
  if (state !== "present" || standing === "stranger") throw notShown(state, standing);
  if (standing === "left") throw accessDenied();
  return onePage(
    rowsOfPage(invites).map((invite) => inviteView(call.wire, viewer, invite)),
    total,
  );
}

const getting = (door: HttpDoor): Route => ({
  method: "get",
  path: `${pathOf(door)}/:invite`,
  access: "conversations:read",
  operation: operation({
    id: `get${door.words.id}ConversationInvite`,
    tag: "Conversations",
    summary: `An invite as ${door.words.who} sees it, with who came by it`,
    path: door.path.extend({ ...inConversation, ...ofInvite }),
    answer: { status: 200, description: "The invite", schema: InviteView },
    errors: [404, 422],
  }),
  async handle(call) {
    const viewer = door.viewer(call);
    const conversationId = conversationIdOf(call);
    const inviteId = inviteIdOf(call);
    await door.admit(call, viewer);
    const { invite, isGuest } = await call.calls.ask(GetInvite, { by: { inviteId }, viewer });
    if (invite?.conversationId !== conversationId || isGuest) throw noInvite();
    return ok(inviteView(call.wire, viewer, invite));
  },
});

const revoking = (door: HttpDoor): Route => ({
  method: "delete",
  path: `${pathOf(door)}/:invite`,
  access: "conversations:write",
  operation: operation({
    id: `revoke${door.words.id}Invite`,
    tag: "Conversations",
    summary: `Take an invite back as ${door.words.who}`,
    description:
      "Nobody comes in by it any more; who has, stays. Again, or of one that has expired: the same. What was accepted or " +
      "declined is 410.",
    path: door.path.extend({ ...inConversation, ...ofInvite }),
    answer: { status: 204, description: "Revoked" },
    errors: [403, 404, 410, 422],
  }),
  async handle(call) {
    const actor = door.viewer(call);
    const conversationId = conversationIdOf(call);
    const inviteId = inviteIdOf(call);
    await door.admit(call, actor);
    await call.calls.request(RevokeInvite, { conversationId, inviteId, actor });
    return noContent;
  },
});

/**
 * The invite that the path names, by UUID or URI.
 * @throws LayerError 404 `not_found` for what cannot be the id of any
 */
export function inviteIdOf(call: Call): string {
  const inviteId = parseObjectId("invites", call.param("invite"));
  if (inviteId === null) throw noInvite();
  return inviteId;
}

export const noInvite = () => notFound("There is no such invite");

/** @throws LayerError 404 `not_found` for null */
export function requireInvite(invite: Invite | null): Invite {
  if (invite === null) throw noInvite();
  return invite;
}
