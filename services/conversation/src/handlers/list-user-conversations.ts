import type { ListUserConversations, PayloadOf, ReplyOf } from "@strata/contracts";
import { type Delivery, type Outcome, reply } from "@strata/messaging";
import type { ConversationSummaries } from "../domain/conversation-summaries.ts";
import { conversationKey } from "../domain/conversation.ts";
import { userConversationOf } from "../domain/user-conversation.ts";
import type { ConversationStore } from "../store/conversation-store.ts";
import type { MembershipStore } from "../store/membership-store.ts";

interface Deps {
  readonly conversations: ConversationStore;
  readonly memberships: MembershipStore;
  readonly summaries: ConversationSummaries;
}

type Asked = Delivery<PayloadOf<typeof ListUserConversations>>;

/** A page of one user's conversations with what she sees of each; those that she left are among them. */
export const listUserConversations =
  ({ conversations, memberships, summaries }: Deps) =>
  async ({ app, payload }: Asked): Promise<Outcome<ReplyOf<typeof ListUserConversations>>> => {
    const { userId, order, after, limit } = payload;
    const [total, last] = await Promise.all([
      memberships.countListed(app, userId),
      after === null ? null : memberships.find(app, userId, after),
    ]);
    const isListed = last !== null && !last.isHidden && !last.isDeleted;
    if (after !== null && !isListed) return reply({ conversations: null, total });

    const page = await memberships.listPage(app, userId, order, last, limit);
    const rows = await conversations.findMany(page.map(({ conversation }) => conversationKey(app, conversation)));
    const views = page.flatMap((membership) => {
      const conversation = rows.get(conversationKey(app, membership.conversation));
      // Deleted a moment ago, her own row is about to say so.
      return conversation && conversation.deletedAt === undefined ? [{ conversation, membership }] : [];
    });
    const found = await summaries.of(views);
    return reply({
      conversations: views.map(({ conversation, membership }, index) => {
        const summary = found[index];
        if (!summary) throw new Error(`no summary of ${conversation._id}`);
        return userConversationOf(conversation, membership, summary);
      }),
      total,
    });
  };
