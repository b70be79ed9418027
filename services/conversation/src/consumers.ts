import { CreateConversation, GetConversation } from "@strata/contracts";
import { type Consumer, consumer, on, type Publisher } from "@strata/messaging";
import type { Dependency } from "@strata/runtime";
import { createConversation } from "./handlers/create-conversation.ts";
import { getConversation } from "./handlers/get-conversation.ts";
import type { KnownUsers } from "./known-users.ts";
import type { ConversationStore } from "./store/conversation-store.ts";
import type { MembershipStore } from "./store/membership-store.ts";

interface Deps {
  readonly conversations: ConversationStore;
  readonly memberships: MembershipStore;
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
    handlers: [on(CreateConversation, createConversation(deps))],
    dependencies: [deps.mongo, deps.directory],
  }),
  consumer({
    queue: "conversation.queries",
    handlers: [on(GetConversation, getConversation(deps))],
    dependencies: [deps.mongo],
  }),
];
