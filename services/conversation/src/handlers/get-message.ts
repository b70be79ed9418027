import type { GetMessage, GetMessageNotification, PayloadOf, ReplyOf } from "@strata/contracts";
import { type Delivery, type Outcome, reply } from "@strata/messaging";
import { standingOf } from "../domain/membership.ts";
import { messageKey } from "../domain/message.ts";
import { userMessageView } from "../domain/message-view.ts";
import { sees, viewOf } from "../domain/visibility.ts";
import type { ConversationStore } from "../store/conversation-store.ts";
import type { MembershipStore } from "../store/membership-store.ts";
import type { MessageStore } from "../store/message-store.ts";

interface Deps {
  readonly conversations: ConversationStore;
  readonly memberships: MembershipStore;
  readonly messages: MessageStore;
}

type Asked = Delivery<PayloadOf<typeof GetMessage>>;
type Answer = ReplyOf<typeof GetMessage>;

/** One message, by its id alone or where it is said to be, as the backend or one user sees it. */
export const getMessage =
  (deps: Deps) =>
  async ({ app, payload }: Asked): Promise<Outcome<Answer>> => {
    const { viewer } = payload;
    const stored = await deps.messages.findViewed(messageKey(app, payload.messageId));
    const conversationId = payload.conversationId ?? stored?.conversation;
    if (conversationId === undefined)
      return reply({ message: null, standing: viewer === null ? "participant" : "stranger" });
    const [conversation, membership] = await Promise.all([
      deps.conversations.find(app, conversationId),
      viewer === null ? null : deps.memberships.find(app, viewer, conversationId),
    ]);
    const standing = viewer === null || !conversation ? null : standingOf(conversation, viewer, membership);
    const answer = (message: Answer["message"]): Outcome<Answer> =>
      reply({ message, standing: standing ?? (viewer === null ? "participant" : "stranger") });

    if (!conversation || conversation.deletedAt !== undefined) return answer(null);
    if (stored?.conversation !== conversationId || stored.deletedAt !== undefined) return answer(null);
    const view = viewOf(conversation, viewer, membership);
    return answer(view && sees(view, stored) ? userMessageView(stored, viewer) : null);
  };

/** What a push says of a message, and in whose name. A deleted conversation has nothing to say, purged or not. */
export const getMessageNotification =
  ({ conversations, messages }: Pick<Deps, "conversations" | "messages">) =>
  async ({
    app,
    payload,
  }: Delivery<PayloadOf<typeof GetMessageNotification>>): Promise<Outcome<ReplyOf<typeof GetMessageNotification>>> => {
    const found = await messages.notificationOf(messageKey(app, payload.messageId));
    const conversation = found && (await conversations.find(app, found.conversation));
    if (!found || !conversation || conversation.deletedAt !== undefined) {
      return reply({ notification: null, sender: null });
    }
    return reply({ notification: found.notification, sender: found.sender });
  };
