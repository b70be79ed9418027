import type { CreateInvite, PayloadOf, ReplyOf } from "@strata/contracts";
import { type Delivery, type Outcome, refuse, reply } from "@strata/messaging";
import { DomainError } from "@strata/runtime";
import { requireMayComeIn } from "../coming-in.ts";
import { type ChangeDeps, findFollowed } from "../changed-conversations.ts";
import type { Blockers } from "../blockers.ts";
import { present, writingRefusal } from "../domain/access.ts";
import type { ConversationRow } from "../domain/conversation.ts";
import { inviteOf, type InviteRow, newInvite } from "../domain/invite.ts";
import { isUnopened } from "../domain/lifecycle.ts";
import { invitingRefusal } from "../domain/inviting.ts";
import { tellInvited } from "../invited-users.ts";
import type { KnownUsers } from "../known-users.ts";
import type { InviteStore } from "../store/invite-store.ts";

interface Deps extends ChangeDeps {
  readonly invites: InviteStore;
  readonly knownUsers: KnownUsers;
  readonly blockers: Blockers;
  readonly now: () => number;
}

type Inviting = Delivery<PayloadOf<typeof CreateInvite>>;
type Invited = ReplyOf<typeof CreateInvite>;

/** Of one conversation, at a time: more are made by mistake. */
export const MAX_PENDING_INVITES = 1_000;

/** Invites a user, or makes a code. The row remembers its command, which tells of it again when it comes again. */
export const createInvite =
  (deps: Deps) =>
  async (delivery: Inviting): Promise<Outcome<Invited>> => {
    const { app, id, payload } = delivery;
    const { conversationId, inviteId, actor } = payload;
    const row = present(conversationId, await findFollowed(deps)(app, conversationId, delivery), actor);
    if (row instanceof DomainError) return refuse(row);
    const membership = actor === null ? null : await deps.memberships.find(app, actor, conversationId);
    const refusal = invitingRefusal(row, actor, membership);
    if (refusal) return refuse(refusal);

    const made = await deps.invites.find(app, inviteId);
    if (made) return answered(deps, made, delivery);
    const error = await guestRefusal(deps, row, delivery);
    if (error) return refuse(error);
    const { to } = payload;
    if ("userId" in to) {
      await requireMayComeIn(deps)(app, conversationId, [to.userId]);
      const pending = await deps.invites.findPending(app, conversationId, to.userId, deps.now());
      if (pending) return reply({ outcome: "conflict", invite: inviteOf(pending, deps.now()) });
      await deps.knownUsers.ensure(app, [to.userId], delivery);
    }
    const { actor: _, ...terms } = payload;
    const invite = newInvite({
      ...terms,
      app,
      at: deps.now(),
      by: id,
      isWaiting: isUnopened(row),
      isUnwanted: await isUnwanted(deps, delivery),
    });
    return answered(deps, await deps.invites.insertOrFind(invite), delivery);
  };

async function guestRefusal(
  { invites, now }: Deps,
  row: ConversationRow,
  { app, payload }: Inviting,
): Promise<DomainError | null> {
  const { conversationId, to } = payload;
  if (!isUnopened(row)) {
    const refusal = writingRefusal(row, now());
    if (refusal) return refusal;
  }
  if ("userId" in to && row.participants.includes(to.userId)) {
    return new DomainError("invalid_property", { property: "user_id" }, { message: "user_id takes part already" });
  }
  if ((await invites.countPending(app, conversationId, now())) < MAX_PENDING_INVITES) return null;
  const message = `a conversation has at most ${MAX_PENDING_INVITES} invites that are pending`;
  return new DomainError("invalid_property", { property: "invites" }, { message });
}

async function isUnwanted({ blockers }: Deps, delivery: Inviting): Promise<boolean> {
  const { to, inviter } = delivery.payload;
  if (inviter === null || !("userId" in to)) return false;
  const [heard] = await blockers.find(delivery.app, [{ senderId: inviter, userIds: [to.userId] }], delivery);
  return heard !== undefined && heard.blockers.length > 0;
}

async function answered(deps: Deps, row: InviteRow, delivery: Inviting): Promise<Outcome<Invited>> {
  const isShown = row.conversation === delivery.payload.conversationId;
  const invite = isShown ? inviteOf(row, deps.now()) : null;
  if (row.by !== delivery.id) return reply({ outcome: "in-use", invite });
  await tellInvited(deps)(delivery.app, [row], delivery);
  return reply({ outcome: "created", invite });
}
