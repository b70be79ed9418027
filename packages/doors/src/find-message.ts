import { GetMessage, type UserMessage } from "@strata/contracts";
import { accessDenied, type LayerError, notFound, parseObjectId } from "@strata/layer-protocol";
import type { Call } from "./call.ts";
import type { Composer } from "./composer.ts";
import type { Viewer } from "./door.ts";
import { conversationIdOf } from "./find-conversation.ts";

/** Where a message is looked for: within the conversation that the path names, or anywhere. */
export type MessagePlace = "in-conversation" | "anywhere";

const noMessage = (): LayerError => notFound("There is no such message");

/**
 * The message that the path names, by UUID or URI.
 * @throws LayerError 404 `not_found` for what cannot be the id of any
 */
export function messageIdOf(call: Call): string {
  const id = parseObjectId("messages", call.param("message"));
  if (id === null) throw noMessage();
  return id;
}

/**
 * The message that the path names, as the viewer has it. A deleted one is none, and so are those of a deleted
 * conversation (server API 7.4).
 * @throws LayerError 404 `not_found`; 403 `access_denied` for what was said after she had left (11)
 */
export async function findMessage(call: Call, viewer: Viewer, place: MessagePlace): Promise<UserMessage> {
  const messageId = messageIdOf(call);
  const conversationId = place === "in-conversation" ? conversationIdOf(call) : null;
  const { message, standing } = await call.calls.ask(GetMessage, { messageId, conversationId, viewer });
  if (message !== null) return message;
  throw standing === "left" ? accessDenied("The user has left this conversation") : noMessage();
}

/** Messages as the viewer reads them. */
export const messagesAsRead = (
  call: Call,
  composer: Composer,
  viewer: Viewer,
  messages: readonly UserMessage[],
): Promise<object[]> =>
  viewer === null ? composer.messages(call, messages) : composer.userMessages(call, viewer, messages);

export async function messageAsRead(call: Call, composer: Composer, viewer: Viewer, message: UserMessage) {
  const [view] = await messagesAsRead(call, composer, viewer, [message]);
  return view;
}
