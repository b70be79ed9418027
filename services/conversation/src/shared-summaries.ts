import type { ConversationSummaries, ConversationSummary } from "./domain/conversation-summaries.ts";
import type { ConversationRow } from "./domain/conversation.ts";
import type { MembershipRow } from "./domain/membership.ts";
import { userMessageView } from "./domain/message-view.ts";
import { totalOf, userView } from "./domain/visibility.ts";
import type { TimelineStore } from "./store/timeline-store.ts";

type Found = ReadonlyMap<string, ConversationSummary>;

export interface SharedSummaries {
  /** What its messages add to several users' views of one conversation, by user id. */
  of(conversation: ConversationRow, members: readonly MembershipRow[]): Promise<Found>;
}

interface Deps {
  readonly timelines: Pick<TimelineStore, "page" | "countGone" | "findHiddenFrom" | "countUnreadOfUsers">;
  readonly summaries: ConversationSummaries;
}

/**
 * Most users see all of a conversation, and then the same last message and as many messages: that is asked for once.
 * Whoever cleared it, left it, or has something hidden from her in it is asked about alone.
 */
export const sharedSummariesOf = ({ timelines, summaries }: Deps): SharedSummaries => {
  const together = async (conversation: ConversationRow, users: readonly string[]): Promise<Found> => {
    const { app, conversationId, lastPosition } = conversation;
    const whole = { conversation: conversationId, viewer: null, after: 0, through: null };
    const [[last], gone, unread] = await Promise.all([
      timelines.page(app, whole, null, 1),
      timelines.countGone(app, [whole]),
      timelines.countUnreadOfUsers(app, users, conversationId),
    ]);
    // Behind the look at the last message, since what is hidden from somebody is hidden as it is sent.
    const hiddenFrom = await timelines.findHiddenFrom(app, conversationId, users);
    const unreadOf = new Map(unread.map(({ user, messages }) => [user, messages]));
    const { deleted = 0 } = gone.get(conversationId) ?? {};
    const messageCount = totalOf(whole, { lastPosition, deleted, hidden: 0 });
    return new Map(
      users
        .filter((user) => !hiddenFrom.has(user))
        .map((user) => [
          user,
          {
            lastMessage: last ? userMessageView(last, user) : null,
            unreadCount: unreadOf.get(user) ?? 0,
            messageCount,
          },
        ]),
    );
  };

  return {
    async of(conversation, members) {
      const isWhole = (membership: MembershipRow): boolean => {
        const { after, through } = userView(conversation, membership);
        return after === 0 && through === null;
      };
      const whole = members.filter(isWhole).map(({ user }) => user);
      const shared = whole.length === 0 ? new Map() : await together(conversation, whole);
      const views = members.filter(({ user }) => !shared.has(user)).map((membership) => ({ conversation, membership }));
      const alone = await summaries.of(views);
      return new Map([...shared, ...views.flatMap(({ membership }, index) => pairOf(membership.user, alone[index]))]);
    },
  };
};

const pairOf = <V>(user: string, value: V | undefined): readonly (readonly [string, V])[] =>
  value === undefined ? [] : [[user, value]];
