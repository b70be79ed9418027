import { type ClearConversation, ConversationCleared, type EmptyReply, type PayloadOf } from "@strata/contracts";
import { ack, type Delivery, type Outcome, refuse } from "@strata/messaging";
import { DomainError } from "@strata/runtime";
import { type ChangeDeps, findFollowed, storeChange } from "../changed-conversations.ts";
import { present } from "../domain/access.ts";
import { withoutParticipant } from "../domain/conversation-change.ts";
import { standingOf } from "../domain/membership.ts";
import type { ConversationMessages } from "../store/conversation-messages.ts";

interface Deps extends ChangeDeps {
  readonly conversationMessages: ConversationMessages;
}

/**
 * Deletes a conversation for one user, who may leave with it. Every step bears being repeated, and is; her membership
 * remembers how far, so that what was said and done behind it stays when the command comes again.
 */
export const clearConversation =
  (deps: Deps) =>
  async (delivery: Delivery<PayloadOf<typeof ClearConversation>>): Promise<Outcome<EmptyReply>> => {
    const { memberships, conversationMessages, publisher } = deps;
    const { app, payload, sentAt } = delivery;
    const { conversationId, userId, leave } = payload;
    const row = present(conversationId, await findFollowed(deps)(app, conversationId, delivery), userId);
    if (row instanceof DomainError) return refuse(row);
    const membership = await memberships.find(app, userId, conversationId);
    if (standingOf(row, userId, membership) === "stranger") return refuse(new DomainError("not_found"));

    const own = membership?.clearMarks.find(({ by }) => by === delivery.id);
    const changed = leave && !own ? withoutParticipant(row, userId, { by: delivery.id, at: sentAt.getTime() }) : null;
    if (changed) await storeChange(deps)(row, changed, delivery);

    const throughPosition = own?.position ?? row.lastPosition;
    if (!own) await memberships.clear(app, userId, conversationId, { position: throughPosition, by: delivery.id });
    await conversationMessages.dropUnread(app, userId, conversationId, throughPosition);
    await publisher.emit(
      ConversationCleared,
      app,
      { conversationId, userId, throughPosition, at: sentAt.getTime() },
      { id: `${delivery.id}.conversation-cleared`, cause: delivery, subjectVersion: (changed ?? row).version },
    );
    return ack;
  };
