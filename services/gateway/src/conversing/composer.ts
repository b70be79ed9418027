import type { Conversation, Message, UserConversation, UserMessage } from "@strata/contracts";
import {
  bareContentView,
  conversationSystemView,
  conversationUserView,
  messageCreatedView,
  type MessageLookups,
  messagePartsView,
  messageSystemView,
  messageUserView,
  type Profiles,
  usesIdentityIds,
} from "@strata/layer-protocol";
import type { Call } from "../http/route.ts";
import type { Viewer } from "./doors.ts";
import { type ProfileCache, senderIds } from "../routes/profiles.ts";

/** Makes what is shown of conversations and messages, in the caller's version, with the profiles of whom they name. */
export interface Composer {
  conversation(call: Call, conversation: Conversation): Promise<ReturnType<typeof conversationSystemView>>;
  userConversations(
    call: Call,
    userId: string,
    conversations: readonly UserConversation[],
  ): Promise<ReturnType<typeof conversationUserView>[]>;
  messages(call: Call, messages: readonly Message[]): Promise<ReturnType<typeof messageSystemView>[]>;
  userMessages(
    call: Call,
    userId: string,
    messages: readonly UserMessage[],
  ): Promise<ReturnType<typeof messageUserView>[]>;
  createdMessage(call: Call, message: Message): Promise<ReturnType<typeof messageCreatedView>>;
  /** The parts of a message, which name nobody. */
  parts(call: Call, viewer: Viewer, message: Message): ReturnType<typeof messagePartsView>;
}

export function composer({ profiles: cache }: { readonly profiles: ProfileCache }): Composer {
  /** 1.x shows ids alone, so nobody is asked. */
  const profilesOf = async (call: Call, userIds: readonly string[]): Promise<Profiles> =>
    usesIdentityIds(call.wire.version) ? cache.of(call, userIds) : new Map();
  const lookupsFor = async (call: Call, userIds: readonly string[]): Promise<MessageLookups> => ({
    profiles: await profilesOf(call, userIds),
    contents: bareContentView,
  });

  return {
    async conversation(call, conversation) {
      return conversationSystemView(call.wire, conversation, await profilesOf(call, conversation.participants));
    },
    async userConversations(call, userId, conversations) {
      const lookups = await lookupsFor(call, conversations.flatMap(peopleIn));
      return conversations.map((conversation) => conversationUserView(call.wire, userId, conversation, lookups));
    },
    async messages(call, messages) {
      const lookups = await lookupsFor(call, sendersOf(messages));
      return messages.map((message) => messageSystemView(call.wire, message, lookups));
    },
    async userMessages(call, userId, messages) {
      const lookups = await lookupsFor(call, sendersOf(messages));
      return messages.map((message) => messageUserView(call.wire, userId, message, lookups));
    },
    async createdMessage(call, message) {
      return messageCreatedView(call.wire, message, await lookupsFor(call, sendersOf([message])));
    },
    parts: (call, viewer, message) => messagePartsView(call.wire, viewer, message, bareContentView),
  };
}

const sendersOf = (messages: readonly Message[]) => senderIds(messages.map(({ sender }) => sender));

const peopleIn = ({ participants, lastMessage }: UserConversation): readonly string[] =>
  lastMessage === null ? participants : [...participants, ...senderIds([lastMessage.sender])];
