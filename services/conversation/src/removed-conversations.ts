import { ConversationDeleted, ConversationScheduleCanceled } from "@strata/contracts";
import type { Delivery } from "@strata/messaging";
import type { ChangeDeps } from "./changed-conversations.ts";
import type { ConversationRow } from "./domain/conversation.ts";
import { isUnopened } from "./domain/lifecycle.ts";
import type { ConversationMessages } from "./store/conversation-messages.ts";
import type { InviteStore } from "./store/invite-store.ts";

export interface RemovalDeps extends ChangeDeps {
  readonly conversationMessages: ConversationMessages;
  readonly invites: Pick<InviteStore, "endAll">;
}

/**
 * Deletes a conversation: a tombstone first, so that nothing new comes into it, then out of every list and every unread
 * count, then the event. Its messages go later, in the background. The command that deleted it does it all again when it
 * comes again; to any other there is nothing left to do. Of one that never opened no client hears.
 */
export const removeConversation =
  ({ conversations, memberships, conversationMessages, invites, publisher }: RemovalDeps) =>
  async (row: ConversationRow, cause: Pick<Delivery<unknown>, "id" | "traceparent">): Promise<void> => {
    const { app, conversationId } = row;
    const deleted = await conversations.delete(row, { by: cause.id, at: Date.now() });
    const { deletedAt: at, deletedBy, participants, version, lastPosition } = deleted;
    if (at === undefined || deletedBy !== cause.id) return;
    await memberships.markDeleted(app, conversationId);
    await invites.endAll(app, conversationId, "revoked");
    await conversationMessages.emptyUnread(app, conversationId, lastPosition);
    const about = (name: string) => ({ id: `${cause.id}.${name}`, cause, subjectVersion: version });
    if (isUnopened(deleted)) {
      const canceled = { conversationId, state: "scheduled" as const, at };
      return publisher.emit(ConversationScheduleCanceled, app, canceled, about("schedule-canceled"));
    }
    const gone = { conversationId, participants: [...participants], at };
    await publisher.emit(ConversationDeleted, app, gone, about("conversation-deleted"));
  };
