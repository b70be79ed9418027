import type { GetConversationViews, Metadata, ReplyOf, UserMessage } from "@strata/contracts";
import { type SeenConversation, seenByEach } from "../src/domain/seen-conversation.ts";

export const BASE_URL = "https://api.example";
export const CONVERSATION_ID = "c0c0c0c0-0000-4000-8000-000000000001";
export const MESSAGE_ID = "e0e0e0e0-0000-4000-8000-000000000002";

export type Views = ReplyOf<typeof GetConversationViews>;

/** What all see alike of the conversation of these tests. */
export const CONVERSATION: NonNullable<Views["conversation"]> = {
  conversationId: CONVERSATION_ID,
  createdAt: 1_000,
  participants: ["ann", "bob"],
  distinct: false,
  metadata: {},
  version: 1,
  lastPosition: 7,
};

/** Bob's, for Ann. */
export const aUserMessage = (changed: Partial<UserMessage>): UserMessage => ({
  messageId: MESSAGE_ID,
  conversationId: CONVERSATION_ID,
  position: 1,
  sentAt: 2_000,
  sender: { userId: "bob" },
  parts: [],
  recipients: [
    { userId: "ann", status: "sent" },
    { userId: "bob", status: "read" },
  ],
  updatedAt: null,
  isUnread: true,
  receivedAt: null,
  ...changed,
});

interface SeenOptions {
  readonly participants?: readonly string[];
  readonly metadata?: Metadata;
  readonly isParticipant?: boolean;
  readonly isHidden?: boolean;
  readonly lastMessage?: UserMessage | null;
  readonly unreadCount?: number;
  readonly messageCount?: number;
  readonly messages?: readonly UserMessage[];
}

/** What Ann sees, empty unless said otherwise: made as it is of an answer of the conversation service. */
export function aSeenConversation(options: SeenOptions): SeenConversation {
  const { participants = CONVERSATION.participants, metadata = {}, isParticipant = true } = options;
  const { lastMessage = null, messages = [], ...counts } = options;
  const seen = seenByEach({
    state: "present",
    conversation: { ...CONVERSATION, participants: [...participants], metadata },
    messages: [...messages, ...(lastMessage ? [lastMessage] : [])],
    views: [
      {
        userId: "ann",
        standing: isParticipant ? "participant" : "left",
        isHidden: counts.isHidden ?? false,
        clearedThrough: 0,
        lastMessage,
        unreadCount: counts.unreadCount ?? 0,
        messageCount: counts.messageCount ?? 0,
        messages: [...messages],
      },
    ],
  }).get("ann");
  if (!seen) throw new Error("unreachable: she sees it");
  return seen;
}
