import type { GetConversationViews, Message, ReplyOf, UserConversation, UserMessage } from "@strata/contracts";

type Views = ReplyOf<typeof GetConversationViews>;
type View = Views["views"][number];

/** A conversation as one user sees it at this moment, with the messages that were asked for. */
export interface SeenConversation {
  readonly conversation: UserConversation;
  /** She has not left it. */
  readonly isParticipant: boolean;
  /** It is in none of her lists. */
  readonly isHidden: boolean;
  readonly messages: ReadonlyMap<string, UserMessage>;
}

/** What all see alike, and what differs for each, as each of them sees it; users who see nothing of it are absent. */
export function seenByEach({ conversation, messages, views }: Views): ReadonlyMap<string, SeenConversation> {
  if (conversation === null) return new Map();
  const byId = new Map(messages.map((message) => [message.messageId, message]));
  return new Map(
    views
      .filter(({ standing }) => standing !== "stranger")
      .map((view) => {
        const isParticipant = view.standing === "participant";
        const seen = {
          conversation: {
            ...conversation,
            participants: isParticipant ? conversation.participants : [],
            lastMessage: view.lastMessage && asSeen(view.lastMessage, byId),
            unreadCount: view.unreadCount,
            messageCount: view.messageCount,
          },
          isParticipant,
          isHidden: view.isHidden,
          messages: new Map(view.messages.flatMap((one) => pairOf(asSeen(one, byId)))),
        };
        return [view.userId, seen];
      }),
  );
}

function asSeen(
  { messageId, isUnread, receivedAt }: View["messages"][number],
  messages: ReadonlyMap<string, Message>,
): UserMessage | null {
  const message = messages.get(messageId);
  return message ? { ...message, isUnread, receivedAt } : null;
}

const pairOf = (message: UserMessage | null): readonly (readonly [string, UserMessage])[] =>
  message === null ? [] : [[message.messageId, message]];
