import { DeleteMessage, HideMessage } from "@strata/contracts";
import { conversationIdOf, findMessage, messageIdOf } from "@strata/doors";
import { parseDeleteMode } from "@strata/layer-protocol";
import type { HttpDoor, UserDoor } from "../conversing/doors.ts";
import { type Answer, type Call, noContent, type Route } from "../http/route.ts";
import { operation } from "../openapi/operation.ts";
import { DeleteQuery, inConversation, inMessage } from "../openapi/parameters.ts";

/** The backend deletes for everybody. */
export const deleteMessage = (door: HttpDoor): Route => ({
  method: "delete",
  path: `${door.prefix}/conversations/:conversation/messages/:message`,
  access: "conversations:write",
  operation: operation({
    id: "deleteMessage",
    tag: "Messages",
    summary: "Delete a message for everybody",
    description: "Deleting it again is 404, as reading it is.",
    path: door.path.extend({ ...inConversation, ...inMessage }),
    answer: { status: 204, description: "Deleted" },
    errors: [404, 410],
  }),
  async handle(call) {
    const named = { conversationId: conversationIdOf(call), messageId: messageIdOf(call) };
    await call.calls.request(DeleteMessage, { ...named, actor: null });
    return noContent;
  },
});

/** A user says for whom. */
export const deleteUserMessage = (door: UserDoor): Route => ({
  method: "delete",
  path: `${door.prefix}/messages/:message`,
  access: "conversations:write",
  operation: operation({
    id: "deleteUserMessage",
    tag: "Messages",
    summary: "Delete a message as a user, for everybody or from her own view",
    path: door.path.extend(inMessage),
    query: DeleteQuery,
    answer: { status: 204, description: "Deleted" },
    errors: [404, 410, 422],
  }),
  handle: (call) => remove(call, door),
});

async function remove(call: Call, door: UserDoor): Promise<Answer> {
  const userId = door.viewer(call);
  const { mode } = parseDeleteMode(call.query);
  await door.admit(call, userId);
  // Commands are ordered by conversation, which the path does not name.
  const { conversationId, messageId } = await findMessage(call, userId, "anywhere");
  await (mode === "all_participants"
    ? call.calls.request(DeleteMessage, { conversationId, messageId, actor: userId })
    : call.calls.request(HideMessage, { conversationId, messageId, userId }));
  return noContent;
}
