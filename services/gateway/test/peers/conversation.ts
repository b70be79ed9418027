import { CountUnread, type ReplyOf } from "@strata/contracts";
import { consumer, type Consumer, on, reply } from "@strata/messaging";

/** What the gateway sees of the conversation service, kept in memory. */
export interface ConversationPeer {
  /** What a user has not read, by `<app>/<user>`. */
  readonly unread: Map<string, ReplyOf<typeof CountUnread>>;
}

export const conversationContracts = [CountUnread] as const;

export function conversationPeer(): { peer: ConversationPeer; rows: readonly Consumer[] } {
  const peer: ConversationPeer = { unread: new Map() };
  const rows = [
    consumer({
      queue: "conversation.queries",
      handlers: [
        on(CountUnread, async ({ app, payload }) =>
          reply(peer.unread.get(`${app}/${payload.userId}`) ?? { unreadMessages: 0, unreadConversations: 0 }),
        ),
      ],
    }),
  ];
  return { peer, rows };
}
