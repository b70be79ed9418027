import type { Conversation, Message, UserConversation, UserMessage } from "@strata/contracts";
import {
  type ContentViews,
  conversationSystemView,
  conversationUrl,
  conversationUserView,
  messageCreatedView,
  messagePartsView,
  messageSystemView,
  messageUserView,
  type Profiles,
  userConversationUrl,
  usesIdentityIds,
} from "@strata/layer-protocol";
import { contentViewsOf, type ContentUrls } from "./content-urls.ts";
import type { Call } from "./call.ts";
import type { Viewer } from "./door.ts";
import { type ProfileCache, senderIds } from "./profiles.ts";

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

export function composer(deps: { readonly profiles: ProfileCache; readonly contents: ContentUrls }): Composer {
  /** 1.x shows ids alone, so nobody is asked. */
  const profilesOf = async (call: Call, userIds: readonly string[]): Promise<Profiles> =>
    usesIdentityIds(call.wire.version) ? deps.profiles.of(call, userIds) : new Map();
  /** Content is found again below its conversation, as the viewer has that. */
  const contentsFor = ({ wire }: Call, viewer: Viewer, conversationId: string): ContentViews =>
    contentViewsOf(
      deps.contents,
      wire,
      viewer === null ? conversationUrl(wire, conversationId) : userConversationUrl(wire, viewer, conversationId),
    );

  return {
    async conversation(call, conversation) {
      return conversationSystemView(call.wire, conversation, await profilesOf(call, conversation.participants));
    },
    async userConversations(call, userId, conversations) {
      const profiles = await profilesOf(call, conversations.flatMap(peopleIn));
      return conversations.map((conversation) => {
        const contents = contentsFor(call, userId, conversation.conversationId);
        return conversationUserView(call.wire, userId, conversation, { profiles, contents });
      });
    },
    async messages(call, messages) {
      const profiles = await profilesOf(call, sendersOf(messages));
      return messages.map((message) => {
        const contents = contentsFor(call, null, message.conversationId);
        return messageSystemView(call.wire, message, { profiles, contents });
      });
    },
    async userMessages(call, userId, messages) {
      const profiles = await profilesOf(call, sendersOf(messages));
      return messages.map((message) => {
        const contents = contentsFor(call, userId, message.conversationId);
        return messageUserView(call.wire, userId, message, { profiles, contents });
      });
    },
    async createdMessage(call, message) {
      const profiles = await profilesOf(call, sendersOf([message]));
      const contents = contentsFor(call, null, message.conversationId);
      return messageCreatedView(call.wire, message, { profiles, contents });
    },
    parts: (call, viewer, message) =>
      messagePartsView(call.wire, viewer, message, contentsFor(call, viewer, message.conversationId)),
  };
}

const sendersOf = (messages: readonly Message[]) => senderIds(messages.map(({ sender }) => sender));

const peopleIn = ({ participants, lastMessage }: UserConversation): readonly string[] =>
  lastMessage === null ? participants : [...participants, ...senderIds([lastMessage.sender])];
