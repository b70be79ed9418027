import { CancelConversationSchedule, ChangeConversationSchedule, GetConversation } from "@strata/contracts";
import { changeOf, conversationIdOf, notShown } from "@strata/doors";
import { conflict, scheduleView } from "@strata/layer-protocol";
import type { HttpDoor } from "../conversing/doors.ts";
import { type Answer, type Call, noContent, ok, type Route } from "../http/route.ts";
import { ScheduleChangeBody, ScheduleView } from "../openapi/conversation-schemas.ts";
import { operation } from "../openapi/operation.ts";
import { inConversation } from "../openapi/parameters.ts";
import type { ConversationDeps } from "./conversations.ts";

const pathOf = (door: HttpDoor): string => `${door.prefix}/conversations/:conversation/schedule`;

/** What a conversation does by itself: an extension, for the backend alone. */
export const conversationSchedule = (door: HttpDoor, deps: ConversationDeps): readonly Route[] => [
  getting(door),
  changing(door, deps),
  canceling(door),
];

const getting = (door: HttpDoor): Route => ({
  method: "get",
  path: pathOf(door),
  access: "conversations:read",
  operation: operation({
    id: "getConversationSchedule",
    tag: "Conversations",
    summary: "What a conversation does by itself",
    description: "Its state, and each step with its own state and time. Of a conversation that does nothing: `open`.",
    path: door.path.extend(inConversation),
    answer: { status: 200, description: "The schedule", schema: ScheduleView },
    errors: [404, 410],
  }),
  handle: get,
});

async function get(call: Call): Promise<Answer> {
  const conversationId = conversationIdOf(call);
  const { state, conversation } = await call.calls.ask(GetConversation, { conversationId });
  if (conversation === null) throw notShown(state, "participant");
  return ok(scheduleView(call.wire, conversationId, conversation.lifecycle));
}

const changing = (door: HttpDoor, deps: ConversationDeps): Route => ({
  method: "patch",
  path: pathOf(door),
  access: "conversations:write",
  maxBodyBytes: deps.maxBodyBytes,
  operation: operation({
    id: "changeConversationSchedule",
    tag: "Conversations",
    summary: "Change steps of a conversation before they happen",
    description:
      "A JSON object, no Layer-Patch. A conversation that does nothing by itself begins to, and one whose schedule was " +
      "canceled goes on. A step that has happened cannot be changed: 409 `conflict`, whose `data` is the schedule.",
    path: door.path.extend(inConversation),
    body: ScheduleChangeBody,
    answer: { status: 200, description: "The schedule as it is now", schema: ScheduleView },
    errors: [404, 409, 410, 413, 422],
  }),
  handle: (call) => change(call, deps),
});

async function change(call: Call, deps: ConversationDeps): Promise<Answer> {
  const wanted = await changeOf(call, deps);
  const conversationId = conversationIdOf(call);
  const command = { conversationId, change: wanted };
  const { outcome, conversation } = await call.calls.request(ChangeConversationSchedule, command);
  const { lifecycle } = conversation;
  const view = scheduleView(call.wire, conversationId, lifecycle);
  if (outcome === "done") return ok(view);
  throw conflict(`A conversation that is ${lifecycle?.state ?? "open"} cannot be changed so`, view);
}

const canceling = (door: HttpDoor): Route => ({
  method: "delete",
  path: pathOf(door),
  access: "conversations:write",
  operation: operation({
    id: "cancelConversationSchedule",
    tag: "Conversations",
    summary: "Let a conversation do nothing by itself any more",
    description:
      "What has not opened is deleted, and nobody ever hears of it; what is open stays open, what has closed stays closed. " +
      "Canceling again changes nothing.",
    path: door.path.extend(inConversation),
    answer: { status: 204, description: "Canceled" },
    errors: [404, 410],
  }),
  async handle(call) {
    await call.calls.request(CancelConversationSchedule, { conversationId: conversationIdOf(call) });
    return noContent;
  },
});
