import type { EmptyReply, ForgetParticipant, PayloadOf } from "@strata/contracts";
import { ack, type Delivery, type Outcome } from "@strata/messaging";
import { type ChangeDeps, findFollowed, storeChange } from "../changed-conversations.ts";
import { reportIfDone } from "../deletion-report.ts";
import { withoutDeletedUser } from "../domain/governance-change.ts";
import type { ConversationMessages } from "../store/conversation-messages.ts";

interface Deps extends ChangeDeps {
  readonly conversationMessages: ConversationMessages;
}

/**
 * Takes a deleted user out of a conversation: out of its participants, which the others are told, out of its unread
 * counts, out of what was said of her there, and last her membership, so that until then a repeat finds what is left to do.
 */
export const forgetParticipant =
  (deps: Deps) =>
  async (delivery: Delivery<PayloadOf<typeof ForgetParticipant>>): Promise<Outcome<EmptyReply>> => {
    const { memberships, conversationMessages } = deps;
    const { app, payload } = delivery;
    const { conversationId, userId, at } = payload;
    const row = await findFollowed(deps)(app, conversationId, delivery);
    const membership = await memberships.find(app, userId, conversationId);
    // Named again since, under the same id: that is another life, which her deletion says nothing about.
    if (membership && membership.addedAt > at) {
      await reportIfDone(deps, { app, userId, at }, delivery);
      return ack;
    }
    if (row && row.deletedAt === undefined) {
      const changed = withoutDeletedUser(row, userId, { by: delivery.id, at });
      if (changed) await storeChange(deps)(row, changed, delivery);
      await conversationMessages.dropUnread(app, userId, conversationId, row.lastPosition);
    }
    await deps.bans.forget(app, conversationId, userId, at);
    await memberships.forget(app, userId, conversationId);
    await reportIfDone(deps, { app, userId, at }, delivery);
    return ack;
  };
