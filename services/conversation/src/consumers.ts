import {
  ChangeConversation,
  ClearConversation,
  CreateConversation,
  DeleteConversation,
  ForgetParticipant,
  GetConversation,
  UserDeleted,
} from "@strata/contracts";
import { type Consumer, consumer, on, type Publisher } from "@strata/messaging";
import type { Dependency } from "@strata/runtime";
import { changeConversation } from "./handlers/change-conversation.ts";
import { clearConversation } from "./handlers/clear-conversation.ts";
import { createConversation } from "./handlers/create-conversation.ts";
import { deleteConversation } from "./handlers/delete-conversation.ts";
import { forgetParticipant } from "./handlers/forget-participant.ts";
import { forgetUser } from "./handlers/forget-user.ts";
import { getConversation } from "./handlers/get-conversation.ts";
import type { KnownUsers } from "./known-users.ts";
import type { ConversationMessages } from "./store/conversation-messages.ts";
import type { ConversationStore } from "./store/conversation-store.ts";
import type { MembershipStore } from "./store/membership-store.ts";

interface Deps {
  readonly conversations: ConversationStore;
  readonly memberships: MembershipStore;
  readonly conversationMessages: ConversationMessages;
  readonly knownUsers: KnownUsers;
  readonly publisher: Publisher;
  readonly mongo: Dependency;
  readonly directory: Dependency;
}

/** Everything this service listens to. */
export const consumers = (deps: Deps): readonly Consumer[] => [
  consumer({
    queue: "conversation.conversations",
    prefetch: 200,
    handlers: [
      on(CreateConversation, createConversation(deps)),
      on(ChangeConversation, changeConversation(deps)),
      on(DeleteConversation, deleteConversation(deps)),
      on(ClearConversation, clearConversation(deps)),
      on(ForgetParticipant, forgetParticipant(deps)),
    ],
    dependencies: [deps.mongo, deps.directory],
  }),
  consumer({
    queue: "conversation.queries",
    handlers: [on(GetConversation, getConversation(deps))],
    dependencies: [deps.mongo],
  }),
  consumer({
    queue: "conversation.deleted-users",
    prefetch: 5,
    handlers: [on(UserDeleted, forgetUser(deps))],
    dependencies: [deps.mongo],
  }),
];
