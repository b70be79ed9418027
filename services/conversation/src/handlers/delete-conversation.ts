import type { DeleteConversation, EmptyReply, PayloadOf } from "@strata/contracts";
import { ack, type Delivery, type Outcome, refuse } from "@strata/messaging";
import { DomainError } from "@strata/runtime";
import { findFollowed } from "../changed-conversations.ts";
import { conversationDeletionRefusal } from "../domain/authority.ts";
import { refusedTo } from "../domain/membership.ts";
import { type RemovalDeps, removeConversation } from "../removed-conversations.ts";

/** Deletes a conversation for everybody. */
export const deleteConversation =
  (deps: RemovalDeps) =>
  async (delivery: Delivery<PayloadOf<typeof DeleteConversation>>): Promise<Outcome<EmptyReply>> => {
    const { memberships } = deps;
    const { app, payload } = delivery;
    const { conversationId, actor } = payload;
    const row = await findFollowed(deps)(app, conversationId, delivery);
    if (!row) return refuse(new DomainError("not_found"));
    const refusal = actor === null ? null : refusedTo(row, actor, await memberships.find(app, actor, conversationId));
    if (refusal) return refuse(refusal);
    // Again, by whoever: there is nothing left to be refused.
    const denial = actor === null || row.deletedAt !== undefined ? null : conversationDeletionRefusal(row, actor);
    if (denial) return refuse(denial);

    await removeConversation(deps)(row, delivery);
    return ack;
  };
