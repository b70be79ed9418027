import { ListMessages } from "@strata/contracts";
import {
  type Composer,
  conversationIdOf,
  notShown,
  findMessage,
  messageAsRead,
  type MessagePlace,
  messagesAsRead,
  sendMessages,
  type SendingMessages,
} from "@strata/doors";
import { OBJECT_PAGES, parseObjectId, parsePaging } from "@strata/layer-protocol";
import { z } from "zod";
import type { HttpDoor } from "../conversing/doors.ts";
import { onePage, rowsOfPage } from "../http/page.ts";
import { type Answer, type Call, ok, type Route } from "../http/route.ts";
import {
  CreatedMessageView,
  MessageView,
  SendBody,
  UserMessageView,
  UserSendBody,
} from "../openapi/message-schemas.ts";
import { operation } from "../openapi/operation.ts";
import { CreationHeaders, inConversation, inMessage, LayerCount, pagingOf } from "../openapi/parameters.ts";

export interface MessageDeps extends SendingMessages {
  readonly maxBodyBytes: number;
}

const isBackend = (door: HttpDoor): boolean => door.words.id === "";
const viewAt = (door: HttpDoor) => (isBackend(door) ? MessageView : UserMessageView);

/** Send, list and read messages: the same through every door. */
export const messageRoutes = (door: HttpDoor, deps: MessageDeps): readonly Route[] => [
  sending(door, deps),
  listing(door, deps.composer),
  getMessage(door, deps.composer, "in-conversation"),
];

const sending = (door: HttpDoor, deps: MessageDeps): Route => ({
  method: "post",
  path: `${door.prefix}/conversations/:conversation/messages`,
  access: "conversations:write",
  maxBodyBytes: deps.maxBodyBytes,
  operation: operation({
    id: `send${door.words.id}Message`,
    tag: "Messages",
    summary: `Send a message as ${door.words.who}`,
    description:
      (isBackend(door)
        ? "From 2.0 as any identity (`sender_id`); in 1.x as a participant or under a bare name (`sender`). "
        : "The user is its sender. ") +
      "With a `schedule`, or as a batch (an array, from 2.0), it is 202 and happens later: each delay counts from the " +
      "message before, and what is still to come is dropped when the conversation is deleted or its sender leaves. Other " +
      "messages of a batch than the first get ids that follow from the headers, so that a repeat says nothing twice.",
    path: door.path.extend(inConversation),
    headers: CreationHeaders,
    body: isBackend(door) ? SendBody : UserSendBody,
    answer: {
      status: 201,
      description: "Sent",
      schema: isBackend(door) ? CreatedMessageView : UserMessageView,
    },
    otherAnswers: [{ status: 202, description: "Will be sent later" }],
    errors: [403, 404, 409, 410, 413, 422],
  }),
  handle: (call) => sendMessages(call, door, deps),
});

const listing = (door: HttpDoor, composer: Composer): Route => ({
  method: "get",
  path: `${door.prefix}/conversations/:conversation/messages`,
  access: "conversations:read",
  operation: operation({
    id: `list${door.words.id}Messages`,
    tag: "Messages",
    summary: `The messages of a conversation as ${door.words.who} sees them, newest first`,
    path: door.path.extend(inConversation),
    query: pagingOf(OBJECT_PAGES, "URI or UUID of a message of this list"),
    answer: { status: 200, description: "One page", schema: z.array(viewAt(door)), headers: LayerCount },
    errors: [404, 410, 422],
  }),
  handle: (call) => list(call, door, composer),
});

async function list(call: Call, door: HttpDoor, composer: Composer): Promise<Answer> {
  const viewer = door.viewer(call);
  const { pageSize, fromId } = parsePaging(call.query, OBJECT_PAGES, (text) => parseObjectId("messages", text));
  const conversationId = conversationIdOf(call);
  await door.admit(call, viewer);
  const question = { conversationId, viewer, after: fromId, limit: pageSize };
  const { state, standing, messages, total } = await call.calls.ask(ListMessages, question);
  if (state !== "present" || standing === "stranger") throw notShown(state, standing);
  return onePage(await messagesAsRead(call, composer, viewer, rowsOfPage(messages)), total);
}

/** A user finds a message without naming its conversation too (server API 7.4). */
export const getMessage = (door: HttpDoor, composer: Composer, place: MessagePlace): Route => {
  const isAnywhere = place === "anywhere";
  return {
    method: "get",
    path: `${door.prefix}${isAnywhere ? "" : "/conversations/:conversation"}/messages/:message`,
    access: "conversations:read",
    operation: operation({
      id: `get${door.words.id}Message${isAnywhere ? "" : "OfConversation"}`,
      tag: "Messages",
      summary: `A message as ${door.words.who} sees it`,
      path: door.path.extend(isAnywhere ? inMessage : { ...inConversation, ...inMessage }),
      answer: { status: 200, description: "The message", schema: viewAt(door) },
      errors: [404, 422],
    }),
    handle: (call) => get(call, door, composer, place),
  };
};

async function get(call: Call, door: HttpDoor, composer: Composer, place: MessagePlace): Promise<Answer> {
  const viewer = door.viewer(call);
  await door.admit(call, viewer);
  return ok(await messageAsRead(call, composer, viewer, await findMessage(call, viewer, place)));
}
