import { type DeleteMessage, type HideMessage, MessageDeleted, type PayloadOf } from "@strata/contracts";
import { ack, type Delivery, type Outcome, type Publisher } from "@strata/messaging";
import { DomainError } from "@strata/runtime";
import { present } from "../domain/access.ts";
import { messageDeletionRefusal } from "../domain/authority.ts";
import { refusedTo } from "../domain/membership.ts";
import { messageKey, type MessageRow } from "../domain/message.ts";
import { sees, viewOf } from "../domain/visibility.ts";
import type { ConversationStore } from "../store/conversation-store.ts";
import type { MembershipStore } from "../store/membership-store.ts";
import type { MessageStore } from "../store/message-store.ts";

interface Deps {
  readonly conversations: ConversationStore;
  readonly memberships: MembershipStore;
  readonly messages: MessageStore;
  readonly publisher: Publisher;
}

/** Deletes a message for everybody. The tombstone remembers the command, which says so again when it comes again. */
export const deleteMessage =
  (deps: Deps) =>
  async (delivery: Delivery<PayloadOf<typeof DeleteMessage>>): Promise<Outcome<never>> => {
    const { app, id, payload } = delivery;
    const { actor } = payload;
    const { found, membership, message } = await find(deps, app, { ...payload, userId: actor });
    if (message?.deletedBy === id) return publish(deps, delivery, message, null, message.deletedAt ?? message.sentAt);
    const conversation = present(payload.conversationId, found, actor);
    if (conversation instanceof DomainError) throw conversation;
    const refusal = actor === null ? null : refusedTo(conversation, actor, membership);
    if (refusal) throw refusal;
    const view = viewOf(conversation, actor, membership);
    if (!message || !view || !sees(view, message)) throw noMessage(payload);
    const denial = actor === null ? null : messageDeletionRefusal(conversation, actor, message.sender);
    if (denial) throw denial;

    const at = Date.now();
    await deps.messages.delete(message._id, { by: id, at, actor });
    return publish(deps, delivery, message, null, at);
  };

/** Deletes a message from one user's view, whether she is still in the conversation or not. */
export const hideMessage =
  (deps: Deps) =>
  async (delivery: Delivery<PayloadOf<typeof HideMessage>>): Promise<Outcome<never>> => {
    const { app, id, payload } = delivery;
    const { userId } = payload;
    const { found, membership, message } = await find(deps, app, payload);
    const own = message?.hides.find(({ by }) => by === id);
    if (message && own) return publish(deps, delivery, message, userId, own.at);
    const conversation = present(payload.conversationId, found, userId);
    const view = conversation instanceof DomainError ? null : viewOf(conversation, userId, membership);
    if (!message || !view || !sees(view, message)) throw noMessage(payload);

    const at = Date.now();
    await deps.messages.hide(message._id, userId, { by: id, at });
    return publish(deps, delivery, message, userId, at);
  };

interface Named {
  readonly conversationId: string;
  readonly messageId: string;
  readonly userId: string | null;
}

async function find(deps: Deps, app: string, { conversationId, messageId, userId }: Named) {
  const [found, membership, message] = await Promise.all([
    deps.conversations.find(app, conversationId),
    userId === null ? null : deps.memberships.find(app, userId, conversationId),
    deps.messages.find(messageKey(app, messageId)),
  ]);
  return { found, membership, message: message?.conversation === conversationId ? message : null };
}

const noMessage = ({ messageId }: Pick<Named, "messageId">): DomainError => new DomainError("not_found", { messageId });

async function publish(
  { publisher }: Deps,
  cause: Delivery<unknown>,
  { app, conversation, messageId, position }: MessageRow,
  userId: string | null,
  at: number,
): Promise<Outcome<never>> {
  const deleted = { conversationId: conversation, messageId, position, userId, at };
  await publisher.emit(MessageDeleted, app, deleted, { id: `${cause.id}.message-deleted`, cause });
  return ack;
}
