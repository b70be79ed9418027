import { GetConversation, GetUserConversation, type Standing } from "@strata/contracts";
import { type LayerError, notFound, objectDeleted, parseObjectId } from "@strata/layer-protocol";
import type { Call } from "./call.ts";
import type { Composer } from "./composer.ts";
import type { Viewer } from "./door.ts";

/**
 * The conversation that the path names, by UUID or URI.
 * @throws LayerError 404 `not_found` for what cannot be the id of any
 */
export function conversationIdOf(call: Call): string {
  const id = parseObjectId("conversations", call.param("conversation"));
  if (id === null) throw noConversation();
  return id;
}

const noConversation = (): LayerError => notFound("There is no such conversation");

/**
 * Why a conversation is not shown (server API 6.2, 6.3): deleted ones are remembered as such, and to a user who never
 * was in it, it is none.
 */
export const notShown = (state: "present" | "deleted" | "absent", standing: Standing): LayerError =>
  state === "deleted" && standing !== "stranger" ? objectDeleted("The conversation was deleted") : noConversation();

/** A conversation as the viewer sees it; null when there is nothing to show her. */
export async function findConversation(
  call: Call,
  composer: Composer,
  viewer: Viewer,
  conversationId: string,
): Promise<{ view: object | null; refusal: LayerError }> {
  if (viewer === null) {
    const { state, conversation } = await call.calls.ask(GetConversation, { conversationId });
    const view = conversation && (await composer.conversation(call, conversation));
    return { view, refusal: notShown(state, "participant") };
  }
  const found = await call.calls.ask(GetUserConversation, { conversationId, userId: viewer });
  const { state, standing, conversation } = found;
  const [view = null] = conversation ? await composer.userConversations(call, viewer, [conversation]) : [];
  return { view, refusal: notShown(state, standing) };
}
