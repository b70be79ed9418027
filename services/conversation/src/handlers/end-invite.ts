import {
  type DeclineInvite,
  InviteDeclined,
  InviteRevoked,
  type PayloadOf,
  type RevokeInvite,
} from "@strata/contracts";
import { ack, type Delivery, type Outcome, refuse } from "@strata/messaging";
import { DomainError } from "@strata/runtime";
import { type ChangeDeps, findFollowed } from "../changed-conversations.ts";
import { present } from "../domain/access.ts";
import { inviteState, isInvited, overRefusal } from "../domain/invite.ts";
import { invitingRefusal } from "../domain/inviting.ts";
import type { InviteStore } from "../store/invite-store.ts";

interface Deps extends ChangeDeps {
  readonly invites: InviteStore;
  readonly now: () => number;
}

/** A user does not want to come. She who has said so says it again. */
export const declineInvite =
  (deps: Deps) =>
  async (delivery: Delivery<PayloadOf<typeof DeclineInvite>>): Promise<Outcome<never>> => {
    const { app, id, payload, sentAt } = delivery;
    const { conversationId, inviteId, userId } = payload;
    const row = present(conversationId, await deps.conversations.find(app, conversationId), userId);
    if (row instanceof DomainError) return refuse(row);
    const invite = await deps.invites.find(app, inviteId);
    const isHers = invite?.conversation === conversationId && invite.user === userId && isInvited(invite, userId);
    if (!invite || !isHers) return refuse(new DomainError("not_found", { inviteId }));
    const refusal = invite.state === "declined" ? null : overRefusal(invite, deps.now());
    if (refusal) return refuse(refusal);
    await deps.invites.end(invite, "declined");
    const declined = { conversationId, inviteId, userId, at: sentAt.getTime() };
    await deps.publisher.emit(InviteDeclined, app, declined, { id: `${id}.invite-declined`, cause: delivery });
    return ack;
  };

/** Nobody comes in by it any more. */
export const revokeInvite =
  (deps: Deps) =>
  async (delivery: Delivery<PayloadOf<typeof RevokeInvite>>): Promise<Outcome<never>> => {
    const { app, id, payload, sentAt } = delivery;
    const { conversationId, inviteId, actor } = payload;
    const row = present(conversationId, await findFollowed(deps)(app, conversationId, delivery), actor);
    if (row instanceof DomainError) return refuse(row);
    const membership = actor === null ? null : await deps.memberships.find(app, actor, conversationId);
    const refusal = invitingRefusal(row, actor, membership);
    if (refusal) return refuse(refusal);
    const invite = await deps.invites.find(app, inviteId);
    if (invite?.conversation !== conversationId) return refuse(new DomainError("not_found", { inviteId }));
    const state = inviteState(invite, deps.now());
    if (state === "accepted" || state === "declined") {
      return refuse(overRefusal(invite, deps.now()) ?? new DomainError("object_deleted", { inviteId }));
    }
    await deps.invites.end(invite, "revoked");
    const revoked = { conversationId, inviteId, userId: invite.user, at: sentAt.getTime() };
    await deps.publisher.emit(InviteRevoked, app, revoked, { id: `${id}.invite-revoked`, cause: delivery });
    return ack;
  };
