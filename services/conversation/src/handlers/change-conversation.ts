import type { ChangeConversation, Conversation, PayloadOf } from "@strata/contracts";
import { type Delivery, type Outcome, refuse, reply } from "@strata/messaging";
import { DomainError } from "@strata/runtime";
import { type ChangeDeps, findFollowed, isChangedBy, storeChange } from "../changed-conversations.ts";
import { present } from "../domain/access.ts";
import { changingRefusal } from "../domain/authority.ts";
import { conversationOf } from "../domain/conversation.ts";
import { changeConversation as applied } from "../domain/conversation-change.ts";
import { refusedTo } from "../domain/membership.ts";
import type { KnownUsers } from "../known-users.ts";

interface Deps extends ChangeDeps {
  readonly knownUsers: KnownUsers;
}

/**
 * Applies changes of participants and metadata, all or none. A command that comes again finds on the row that it
 * made this, and what is left to do of it is done; where nothing would be other than before, nothing is stored or said.
 */
export const changeConversation =
  (deps: Deps) =>
  async (delivery: Delivery<PayloadOf<typeof ChangeConversation>>): Promise<Outcome<Conversation>> => {
    const { memberships, knownUsers } = deps;
    const { app, payload } = delivery;
    const { conversationId, actor, changes, limits } = payload;
    const row = present(conversationId, await findFollowed(deps)(app, conversationId, delivery), actor);
    if (row instanceof DomainError) return refuse(row);
    // Before the actor is looked at: what she did may have been to leave.
    if (isChangedBy(row, delivery)) return reply(conversationOf(row));
    const refusal = actor === null ? null : refusedTo(row, actor, await memberships.find(app, actor, conversationId));
    if (refusal) return refuse(refusal);

    const changed = applied(row, changes, limits, { by: delivery.id, at: delivery.sentAt.getTime() });
    if (!changed) return reply(conversationOf(row));
    const denial = actor === null ? null : changingRefusal(row, actor, changed.lastChange);
    if (denial) return refuse(denial);
    await knownUsers.ensure(app, changed.lastChange.added, delivery);
    await storeChange(deps)(row, changed, delivery);
    return reply(conversationOf(changed));
  };
