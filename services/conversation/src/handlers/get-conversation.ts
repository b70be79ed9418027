import type { GetConversation, PayloadOf, ReplyOf } from "@strata/contracts";
import { type Delivery, type Outcome, reply } from "@strata/messaging";
import { conversationOf } from "../domain/conversation.ts";
import type { ConversationStore } from "../store/conversation-store.ts";

type Asked = Delivery<PayloadOf<typeof GetConversation>>;

/** A conversation as its app's backend sees it; a deleted one is known to have been. */
export const getConversation =
  ({ conversations }: { readonly conversations: ConversationStore }) =>
  async ({ app, payload }: Asked): Promise<Outcome<ReplyOf<typeof GetConversation>>> => {
    const row = await conversations.find(app, payload.conversationId);
    if (!row) return reply({ state: "absent", conversation: null });
    if (row.deletedAt !== undefined) return reply({ state: "deleted", conversation: null });
    return reply({ state: "present", conversation: conversationOf(row) });
  };
