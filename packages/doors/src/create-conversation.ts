import { type Conversation, CreateConversation } from "@strata/contracts";
import {
  chosenObjectId,
  conflict,
  invalidProperty,
  parseIdempotencyKey,
  parseIfNoneMatch,
  parseInvited,
  parseNewConversation,
  parseRoles,
  requireJsonObject,
} from "@strata/layer-protocol";
import { digestOf } from "./digest.ts";
import { intentOf } from "./intent.ts";
import type { Answered, Call } from "./call.ts";
import type { Composer } from "./composer.ts";
import { termsOf } from "./conversation-terms.ts";
import type { Door, Viewer } from "./door.ts";
import { findConversation } from "./find-conversation.ts";
import { conversationLimits } from "./conversation-limits.ts";
import type { SendingMessages } from "./send-messages.ts";

/** `POST …/conversations` (server API 6.1): 201 created, 200 found, 409 another's metadata or another's id. */
export async function createConversation(call: Call, door: Door, deps: SendingMessages): Promise<Answered> {
  const ifNoneMatch = parseIfNoneMatch(call.header("If-None-Match"));
  const idempotencyKey = parseIdempotencyKey(call.header("Idempotency-Key"));
  const viewer = door.viewer(call);
  const limits = await conversationLimits(deps.settings, call);
  const fields = requireJsonObject(call.body);
  const invited = viewer === null ? parseInvited(call.wire.version, fields, limits.maxParticipants) : [];
  const wanted = parseNewConversation(call.wire.version, fields, limits, viewer, invited.length > 0);
  requireGuests(invited, wanted.participants);
  const terms = viewer === null ? await termsOf(call, deps, fields) : null;
  const roles = viewer === null ? parseRoles(call.wire.version, fields.roles, wanted.participants) : [];
  const extras = {
    ...(terms ? { terms } : {}),
    ...(roles.length > 0 ? { roles } : {}),
    ...(invited.length > 0 ? { invited } : {}),
  };
  const chosenId = chosenObjectId("conversations", ifNoneMatch, fields);
  const intent = intentOf({
    scope: JSON.stringify([call.wire.appId, viewer, "conversations"]),
    chosenId,
    idempotencyKey,
  });
  await door.admit(call, viewer);

  const { outcome, conversation } = await call.calls.request(
    CreateConversation,
    { conversationId: intent.id, ...wanted, limits, creator: viewer, ...extras },
    { id: intent.commandId(() => digestOf({ ...wanted, ...extras })) },
  );
  const view = conversation && (await viewOf(call, deps.composer, viewer, conversation));
  switch (outcome) {
    case "created":
      return { status: 201, json: view };
    case "found":
      return { status: 200, json: view };
    case "conflict":
      throw conflict("There is a distinct conversation of these participants, with other metadata", view);
    default:
      throw intent.inUse(view);
  }
}

/** @throws LayerError 422 `invalid_property` `invites` for who takes part */
function requireGuests(invited: readonly string[], participants: readonly string[]): void {
  const both = participants.find((userId) => invited.includes(userId));
  if (both !== undefined) throw invalidProperty("invites", `${both} takes part already`);
}

/** A user's view needs what she has read of it; of one without messages, that is nothing. */
async function viewOf(call: Call, composer: Composer, viewer: Viewer, conversation: Conversation) {
  if (viewer === null) return composer.conversation(call, conversation);
  if (conversation.lastPosition === 0 && conversation.participants.includes(viewer)) {
    const untouched = { ...conversation, lastMessage: null, unreadCount: 0, messageCount: 0 };
    const [view] = await composer.userConversations(call, viewer, [untouched]);
    return view ?? null;
  }
  const { view } = await findConversation(call, composer, viewer, conversation.conversationId);
  return view;
}
