import { ChangeConversation, DeleteConversation } from "@strata/contracts";
import {
  type Composer,
  createConversation,
  conversationIdOf,
  findConversation,
  conversationLimits,
  type SendingMessages,
} from "@strata/doors";
import { parseConversationPatch } from "@strata/layer-protocol";
import type { HttpDoor } from "../conversing/doors.ts";
import { type Answer, type Call, noContent, ok, type Route } from "../http/route.ts";
import {
  ConversationBody,
  ConversationPatchBody,
  ConversationView,
  ScheduledConversationBody,
  UserConversationView,
} from "../openapi/conversation-schemas.ts";
import { operation } from "../openapi/operation.ts";
import { CreationHeaders, inConversation } from "../openapi/parameters.ts";

export interface ConversationDeps extends SendingMessages {
  readonly maxBodyBytes: number;
}

const isBackend = (door: HttpDoor): boolean => door.words.id === "";
const viewAt = (door: HttpDoor) => (isBackend(door) ? ConversationView : UserConversationView);

/** Create, read and change conversations: the same through every door. */
export const conversationRoutes = (door: HttpDoor, deps: ConversationDeps): readonly Route[] => [
  creating(door, deps),
  getting(door, deps),
  changing(door, deps),
];

const creating = (door: HttpDoor, deps: ConversationDeps): Route => ({
  method: "post",
  path: `${door.prefix}/conversations`,
  access: "conversations:write",
  maxBodyBytes: deps.maxBodyBytes,
  operation: operation({
    id: `create${door.words.id}Conversation`,
    tag: "Conversations",
    summary: `Create a conversation as ${door.words.who}`,
    description:
      "A `distinct` one is found instead where its participants have one already; with other metadata than given that is " +
      "409 `conflict`, whose `data` is the existing one." +
      (isBackend(door)
        ? " It may open later, begin with messages, close and be deleted by itself: each step is shown in its schedule " +
          "and is an event. Participants may be given roles; who is given none is a member."
        : " The user takes part in what she creates."),
    path: door.path,
    headers: CreationHeaders,
    body: isBackend(door) ? ScheduledConversationBody : ConversationBody,
    answer: { status: 201, description: "Created", schema: viewAt(door) },
    otherAnswers: [{ status: 200, description: "The distinct one that there was", schema: viewAt(door) }],
    errors: isBackend(door) ? [409, 413, 422] : [404, 409, 413, 422],
  }),
  handle: (call) => createConversation(call, door, deps),
});

const getting = (door: HttpDoor, { composer }: ConversationDeps): Route => ({
  method: "get",
  path: `${door.prefix}/conversations/:conversation`,
  access: "conversations:read",
  operation: operation({
    id: `get${door.words.id}Conversation`,
    tag: "Conversations",
    summary: `A conversation as ${door.words.who} sees it`,
    description: "Who has left sees it without participants, as it was then.",
    path: door.path.extend(inConversation),
    answer: { status: 200, description: "The conversation", schema: viewAt(door) },
    errors: [404, 410, 422],
  }),
  handle: (call) => get(call, door, composer),
});

async function get(call: Call, door: HttpDoor, composer: Composer): Promise<Answer> {
  const viewer = door.viewer(call);
  const conversationId = conversationIdOf(call);
  await door.admit(call, viewer);
  const { view, refusal } = await findConversation(call, composer, viewer, conversationId);
  if (view === null) throw refusal;
  return ok(view);
}

const changing = (door: HttpDoor, deps: ConversationDeps): Route => ({
  method: "patch",
  path: `${door.prefix}/conversations/:conversation`,
  access: "conversations:write",
  maxBodyBytes: deps.maxBodyBytes,
  operation: operation({
    id: `change${door.words.id}Conversation`,
    tag: "Conversations",
    summary: `Change participants and metadata as ${door.words.who}`,
    description:
      "All operations or none, in their order. Other participants than before make a conversation no longer distinct. " +
      "Whoever is banned from it is not added: 403 `user_banned`.",
    path: door.path.extend(inConversation),
    body: ConversationPatchBody,
    bodyType: "application/vnd.layer-patch+json",
    answer: { status: 204, description: "Changed" },
    errors: [403, 404, 410, 413, 422],
  }),
  handle: (call) => change(call, door, deps),
});

async function change(call: Call, door: HttpDoor, { settings }: ConversationDeps): Promise<Answer> {
  const viewer = door.viewer(call);
  const limits = await conversationLimits(settings, call);
  const changes = parseConversationPatch(call.wire.version, call.body, limits);
  const conversationId = conversationIdOf(call);
  await door.admit(call, viewer);
  await call.calls.request(ChangeConversation, { conversationId, actor: viewer, changes, limits });
  return noContent;
}

/** The backend deletes for everybody; a user says for whom (user-conversations.ts). */
export const deleteConversation = (door: HttpDoor): Route => ({
  method: "delete",
  path: `${door.prefix}/conversations/:conversation`,
  access: "conversations:write",
  operation: operation({
    id: "deleteConversation",
    tag: "Conversations",
    summary: "Delete a conversation for everybody",
    description: "Its messages go with it. Deleting it again changes nothing.",
    path: door.path.extend(inConversation),
    answer: { status: 204, description: "Deleted" },
    errors: [404],
  }),
  async handle(call) {
    await call.calls.request(DeleteConversation, { conversationId: conversationIdOf(call), actor: null });
    return noContent;
  },
});
