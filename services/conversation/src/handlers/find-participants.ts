import type { FindParticipants, PayloadOf, ReplyOf } from "@strata/contracts";
import { type Delivery, type Outcome, reply } from "@strata/messaging";
import { conversationKey } from "../domain/conversation.ts";
import { isUnopened } from "../domain/lifecycle.ts";
import type { ConversationStore } from "../store/conversation-store.ts";

type Asked = Delivery<PayloadOf<typeof FindParticipants>>;

/** Who is in each of several conversations, in one find. */
export const findParticipants =
  ({ conversations }: { readonly conversations: Pick<ConversationStore, "findMany"> }) =>
  async ({ app, payload }: Asked): Promise<Outcome<ReplyOf<typeof FindParticipants>>> => {
    const keys = payload.conversationIds.map((conversationId) => conversationKey(app, conversationId));
    const rows = await conversations.findMany(keys);
    const found = keys
      .flatMap((key) => rows.get(key) ?? [])
      .filter((row) => row.deletedAt === undefined && !isUnopened(row))
      .map(({ conversationId, participants }) => ({ conversationId, participants: [...participants] }));
    return reply({ found });
  };
