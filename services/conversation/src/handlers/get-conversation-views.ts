import type { GetConversationViews, Message, PayloadOf, ReplyOf } from "@strata/contracts";
import { type Delivery, type Outcome, reply } from "@strata/messaging";
import { conversationOf, type ConversationRow } from "../domain/conversation.ts";
import { type MembershipRow, newMembership, standingOf } from "../domain/membership.ts";
import { messageKey, type ViewedMessage } from "../domain/message.ts";
import { messageView, userMessageView } from "../domain/message-view.ts";
import { sees, viewOf } from "../domain/visibility.ts";
import type { SharedSummaries } from "../shared-summaries.ts";
import type { ConversationStore } from "../store/conversation-store.ts";
import type { MembershipStore } from "../store/membership-store.ts";
import type { MessageStore } from "../store/message-store.ts";

interface Deps {
  readonly conversations: Pick<ConversationStore, "find">;
  readonly memberships: Pick<MembershipStore, "findOfUsers">;
  readonly messages: Pick<MessageStore, "findManyViewed">;
  readonly sharedSummaries: SharedSummaries;
}

type Asked = Delivery<PayloadOf<typeof GetConversationViews>>;
type Answer = ReplyOf<typeof GetConversationViews>;

/** What several users see of one conversation: for all who see the whole of it, as many queries as for one. */
export const getConversationViews =
  ({ conversations, memberships, messages, sharedSummaries }: Deps) =>
  async ({ app, payload }: Asked): Promise<Outcome<Answer>> => {
    const { conversationId, userIds, messageIds } = payload;
    const [row, members, found] = await Promise.all([
      conversations.find(app, conversationId),
      memberships.findOfUsers(app, conversationId, userIds),
      messages.findManyViewed(messageIds.map((messageId) => messageKey(app, messageId))),
    ]);
    if (!row) return reply(nothing("absent"));
    if (row.deletedAt !== undefined) return reply(nothing("deleted"));

    const asked = found.filter(({ conversation }) => conversation === conversationId);
    const seeing = userIds.flatMap((userId) => memberOf(row, userId, members.get(userId) ?? null) ?? []);
    const summaries = await sharedSummaries.of(row, seeing);
    const told = new Map<string, Message>();
    const views = seeing.map((membership) => {
      const { lastMessage = null, unreadCount = 0, messageCount = 0 } = summaries.get(membership.user) ?? {};
      if (lastMessage) told.set(lastMessage.messageId, messageOf(lastMessage));
      const seen = messagesSeen(row, membership, asked);
      for (const one of seen) if (!told.has(one.messageId)) told.set(one.messageId, messageView(one));
      return {
        userId: membership.user,
        standing: standingOf(row, membership.user, membership),
        isHidden: membership.isHidden,
        clearedThrough: membership.clearedThrough,
        lastMessage: lastMessage && seenBy(lastMessage),
        unreadCount,
        messageCount,
        messages: seen.map((one) => seenBy(userMessageView(one, membership.user))),
      };
    });
    return reply({ state: "present", conversation: conversationOf(row), messages: [...told.values()], views });
  };

const nothing = (state: Answer["state"]): Answer => ({ state, conversation: null, messages: [], views: [] });

/** Named a moment ago, her own row is about to be written; a stranger has none, or none yet. */
const memberOf = (row: ConversationRow, userId: string, membership: MembershipRow | null): MembershipRow | null =>
  standingOf(row, userId, membership) === "stranger" ? null : (membership ?? newMembership(row, userId, row.createdAt));

function messagesSeen(row: ConversationRow, membership: MembershipRow, asked: readonly ViewedMessage[]) {
  const view = viewOf(row, membership.user, membership);
  return view === null ? [] : asked.filter((message) => sees(view, message));
}

type Seen = Message & { readonly isUnread: boolean; readonly receivedAt: number | null };

const messageOf = ({ isUnread: _isUnread, receivedAt: _receivedAt, ...message }: Seen): Message => message;

const seenBy = ({ messageId, isUnread, receivedAt }: Seen) => ({ messageId, isUnread, receivedAt });
