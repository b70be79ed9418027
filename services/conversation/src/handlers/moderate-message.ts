import { MessageDeleted, type ModerateMessage, type PayloadOf } from "@strata/contracts";
import { ack, type Delivery, type Outcome, type Publisher } from "@strata/messaging";
import { messageKey, type MessageRow, senderUser } from "../domain/message.ts";
import type { ConversationStore } from "../store/conversation-store.ts";
import type { MessageStore } from "../store/message-store.ts";

interface Deps {
  readonly conversations: Pick<ConversationStore, "find">;
  readonly messages: Pick<MessageStore, "find" | "hideFromMany" | "markModerated" | "showToMany">;
  readonly publisher: Publisher;
}

const TOLD_AT_ONCE = 50;

/**
 * Hides a message as if everybody but its sender had deleted it for herself, and takes exactly that back, unless another
 * decision hides it too. Who deleted it
 * herself, or blocked the sender, is not among them and never sees it again. Who comes in later has it hidden as she does
 * (`hideModerated`).
 */
export const moderateMessage =
  ({ conversations, messages, publisher }: Deps) =>
  async (delivery: Delivery<PayloadOf<typeof ModerateMessage>>): Promise<Outcome<never>> => {
    const { app, payload } = delivery;
    const { conversationId, messageId, by, isHidden, at } = payload;
    const key = messageKey(app, messageId);
    const message = await messages.find(key);
    if (message?.conversation !== conversationId || message.deletedAt !== undefined) return ack;
    if (!isHidden) {
      await messages.showToMany(key, by);
      return ack;
    }
    await messages.markModerated(key, by);
    const conversation = await conversations.find(app, conversationId);
    const seers = seersOf(message, conversation?.participants ?? []);
    if (seers.length > 0) await messages.hideFromMany(key, seers, { by, at });
    const hidden = [...message.hides.filter((one) => one.by === by).map(({ user }) => user), ...seers];
    for (let from = 0; from < hidden.length; from += TOLD_AT_ONCE) {
      const some = hidden.slice(from, from + TOLD_AT_ONCE);
      await Promise.all(some.map((userId, index) => tell(userId, from + index)));
    }
    return ack;

    async function tell(userId: string, place: number): Promise<void> {
      const deleted = { conversationId, messageId, position: message?.position ?? 0, userId, at };
      await publisher.emit(MessageDeleted, app, deleted, { id: `${delivery.id}.hidden.${place}`, cause: delivery });
    }
  };

/** Who may see it now: who was there when it was sent, and who came since. */
function seersOf({ recipients, hiddenFor, sender }: MessageRow, participants: readonly string[]): readonly string[] {
  const hidden = new Set(hiddenFor);
  const sentBy = senderUser(sender);
  return [...new Set([...recipients, ...participants])].filter((user) => user !== sentBy && !hidden.has(user));
}
