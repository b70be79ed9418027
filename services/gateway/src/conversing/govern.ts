import { type GovernanceAct, GovernConversation, type ReplyOf } from "@strata/contracts";
import { conversationIdOf, type ProfileCache } from "@strata/doors";
import { requireUserId, usesIdentityIds } from "@strata/layer-protocol";
import type { Call } from "../http/route.ts";
import type { HttpDoor } from "./doors.ts";

/** Whom the path names. @throws LayerError 422 `invalid_property` `user_id` */
export const memberIdOf = (call: Call): string => requireUserId(call.param("member"));

/** Does one act of whoever governs the conversation that the path names. What of it is wrong is said before who may. */
export async function govern(
  call: Call,
  door: HttpDoor,
  act: GovernanceAct,
): Promise<ReplyOf<typeof GovernConversation>> {
  const actor = door.viewer(call);
  const conversationId = conversationIdOf(call);
  await door.admit(call, actor);
  return call.calls.request(GovernConversation, { conversationId, actor, act });
}

/** Whom views of members and bans are for, with the profiles of whom they show. */
export async function shownTo(call: Call, door: HttpDoor, profiles: ProfileCache, userIds: readonly string[]) {
  const named = usesIdentityIds(call.wire.version) ? userIds : [];
  return {
    conversationId: conversationIdOf(call),
    viewer: door.viewer(call),
    profiles: await profiles.of(call, named),
  };
}
