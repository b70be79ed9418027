import { ConversationDeleted, type DeleteConversation, type EmptyReply, type PayloadOf } from "@strata/contracts";
import { ack, type Delivery, type Outcome, refuse } from "@strata/messaging";
import { DomainError } from "@strata/runtime";
import { type ChangeDeps, findFollowed } from "../changed-conversations.ts";
import { refusedTo } from "../domain/membership.ts";
import type { ConversationMessages } from "../store/conversation-messages.ts";

interface Deps extends ChangeDeps {
  readonly conversationMessages: ConversationMessages;
}

/**
 * Deletes a conversation for everybody: a tombstone first, so that nothing new comes into it, then out of every list and
 * every unread count, then the event. Its messages go later, in the background. The command that deleted it does it all
 * again when it comes again; to any other there is nothing left to do.
 */
export const deleteConversation =
  (deps: Deps) =>
  async (delivery: Delivery<PayloadOf<typeof DeleteConversation>>): Promise<Outcome<EmptyReply>> => {
    const { conversations, memberships, conversationMessages, publisher } = deps;
    const { app, payload } = delivery;
    const { conversationId, actor } = payload;
    const row = await findFollowed(deps)(app, conversationId, delivery);
    if (!row) return refuse(new DomainError("not_found"));
    const refusal = actor === null ? null : refusedTo(row, actor, await memberships.find(app, actor, conversationId));
    if (refusal) return refuse(refusal);

    const { deletedAt, deletedBy, participants, version, lastPosition } = await conversations.delete(row, {
      by: delivery.id,
      at: Date.now(),
    });
    if (deletedAt === undefined || deletedBy !== delivery.id) return ack;
    await memberships.markDeleted(app, conversationId);
    await conversationMessages.emptyUnread(app, conversationId, lastPosition);
    await publisher.emit(
      ConversationDeleted,
      app,
      { conversationId, participants: [...participants], at: deletedAt },
      { id: `${delivery.id}.conversation-deleted`, cause: delivery, subjectVersion: version },
    );
    return ack;
  };
