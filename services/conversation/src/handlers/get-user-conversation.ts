import type { GetUserConversation, PayloadOf, ReplyOf } from "@strata/contracts";
import { type Delivery, type Outcome, reply } from "@strata/messaging";
import type { ConversationSummaries } from "../domain/conversation-summaries.ts";
import { newMembership, standingOf } from "../domain/membership.ts";
import { userConversationOf } from "../domain/user-conversation.ts";
import type { ConversationStore } from "../store/conversation-store.ts";
import type { MembershipStore } from "../store/membership-store.ts";

interface Deps {
  readonly conversations: ConversationStore;
  readonly memberships: MembershipStore;
  readonly summaries: ConversationSummaries;
}

type Asked = Delivery<PayloadOf<typeof GetUserConversation>>;

/** One conversation as one user sees it, also one that she has cleared or left. */
export const getUserConversation =
  ({ conversations, memberships, summaries }: Deps) =>
  async ({ app, payload }: Asked): Promise<Outcome<ReplyOf<typeof GetUserConversation>>> => {
    const { conversationId, userId } = payload;
    const [row, membership] = await Promise.all([
      conversations.find(app, conversationId),
      memberships.find(app, userId, conversationId),
    ]);
    if (!row) return reply({ state: "absent", standing: "stranger", conversation: null });
    const standing = standingOf(row, userId, membership);
    if (row.deletedAt !== undefined) return reply({ state: "deleted", standing, conversation: null });
    if (standing === "stranger") return reply({ state: "present", standing, conversation: null });

    // Named a moment ago, her own row is about to be written.
    const seen = membership ?? newMembership(row, userId, row.createdAt);
    const [summary] = await summaries.of([{ conversation: row, membership: seen }]);
    if (!summary) throw new Error(`no summary of ${row._id}`);
    return reply({ state: "present", standing, conversation: userConversationOf(row, seen, summary) });
  };
