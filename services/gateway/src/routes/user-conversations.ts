import {
  ClearConversation,
  ConversationOrder,
  DeleteConversation,
  GetUserConversation,
  ListUserConversations,
  MarkAllRead,
} from "@strata/contracts";
import { type Composer, conversationIdOf, notShown } from "@strata/doors";
import {
  invalidProperty,
  OBJECT_PAGES,
  parseDeleteMode,
  parseObjectId,
  parsePaging,
  parseReadPosition,
  wirePosition,
} from "@strata/layer-protocol";
import { z } from "zod";
import type { UserDoor } from "../conversing/doors.ts";
import { onePage, rowsOfPage } from "../http/page.ts";
import { accepted, type Answer, type Call, noContent, type Route } from "../http/route.ts";
import { PositionBody, PositionView, UserConversationView } from "../openapi/conversation-schemas.ts";
import { operation } from "../openapi/operation.ts";
import { DeleteQuery, inConversation, LayerCount, pagingOf } from "../openapi/parameters.ts";

export const listUserConversations = (door: UserDoor, composer: Composer): Route => ({
  method: "get",
  path: `${door.prefix}/conversations`,
  access: "conversations:read",
  operation: operation({
    id: "listUserConversations",
    tag: "Conversations",
    summary: "A user's conversations, newest first",
    description: "Also those that she has left, without participants.",
    path: door.path,
    query: pagingOf(OBJECT_PAGES, "URI or UUID of a conversation of this list").extend({
      sort_by: ConversationOrder.default("created_at").meta({
        description: "`last_message`: by its time, or the conversation's own before the first",
      }),
    }),
    answer: { status: 200, description: "One page", schema: z.array(UserConversationView), headers: LayerCount },
    errors: [404, 422],
  }),
  handle: (call) => list(call, door, composer),
});

async function list(call: Call, door: UserDoor, composer: Composer): Promise<Answer> {
  const userId = door.viewer(call);
  const order = ConversationOrder.safeParse(call.query["sort_by"] ?? "created_at");
  if (!order.success) throw invalidProperty("sort_by", `must be one of ${ConversationOrder.options.join(", ")}`);
  const { pageSize, fromId } = parsePaging(call.query, OBJECT_PAGES, (text) => parseObjectId("conversations", text));
  await door.admit(call, userId);
  const { conversations, total } = await call.calls.ask(ListUserConversations, {
    userId,
    order: order.data,
    after: fromId,
    limit: pageSize,
  });
  return onePage(await composer.userConversations(call, userId, rowsOfPage(conversations)), total);
}

export const deleteUserConversation = (door: UserDoor): Route => ({
  method: "delete",
  path: `${door.prefix}/conversations/:conversation`,
  access: "conversations:write",
  operation: operation({
    id: "deleteUserConversation",
    tag: "Conversations",
    summary: "Delete a conversation as a user",
    description:
      "With `my_devices` it is gone from her own view, and comes back with the next message unless she leaves with it.",
    path: door.path.extend(inConversation),
    query: DeleteQuery.extend({
      leave: z.enum(["true", "false"]).default("false").meta({ description: "With `my_devices`: whether she leaves" }),
    }),
    answer: { status: 204, description: "Deleted" },
    errors: [404, 410, 422],
  }),
  handle: (call) => remove(call, door),
});

async function remove(call: Call, door: UserDoor): Promise<Answer> {
  const userId = door.viewer(call);
  const mode = parseDeleteMode(call.query);
  const conversationId = conversationIdOf(call);
  await door.admit(call, userId);
  await (mode.mode === "all_participants"
    ? call.calls.request(DeleteConversation, { conversationId, actor: userId })
    : call.calls.request(ClearConversation, { conversationId, userId, leave: mode.leave }));
  return noContent;
}

export const markAllRead = (door: UserDoor, maxBodyBytes: number): Route => ({
  method: "post",
  path: `${door.prefix}/conversations/:conversation/mark_all_read`,
  access: "conversations:write",
  versions: ["2.0", "3.0"],
  maxBodyBytes,
  operation: operation({
    id: "markAllRead",
    tag: "Conversations",
    summary: "Mark everything up to a position as read by a user",
    description: "Versions 2.0 and 3.0.",
    path: door.path.extend(inConversation),
    body: PositionBody,
    isBodyOptional: true,
    answer: { status: 202, description: "The position that was used; 0 without messages", schema: PositionView },
    errors: [404, 410, 413, 422],
  }),
  handle: (call) => mark(call, door),
});

async function mark(call: Call, door: UserDoor): Promise<Answer> {
  const userId = door.viewer(call);
  const position = parseReadPosition(call.body);
  const conversationId = conversationIdOf(call);
  await door.admit(call, userId);
  if (call.wire.isClientApi) await requireSeen(call, userId, conversationId);
  const used = await call.calls.request(MarkAllRead, { conversationId, userId, position, at: Date.now() });
  return accepted({ position: wirePosition(used.position) });
}

/** A backend is told 403 of a conversation that its user is not in (server API 6.6); to a user herself it is none. */
async function requireSeen(call: Call, userId: string, conversationId: string): Promise<void> {
  const { state, standing } = await call.calls.ask(GetUserConversation, { conversationId, userId });
  if (standing === "stranger") throw notShown(state, standing);
}
