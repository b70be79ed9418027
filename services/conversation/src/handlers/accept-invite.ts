import { type AcceptInvite, type Conversation, InviteAccepted, type PayloadOf } from "@strata/contracts";
import { type Delivery, type Outcome, refuse, reply } from "@strata/messaging";
import { DomainError } from "@strata/runtime";
import { requireMayComeIn } from "../coming-in.ts";
import { type ChangeDeps, findFollowed, isChangedBy, storeChange } from "../changed-conversations.ts";
import { present, writingRefusal } from "../domain/access.ts";
import { conversationOf, type ConversationRow } from "../domain/conversation.ts";
import { changeConversation } from "../domain/conversation-change.ts";
import { type InviteUse, isInvited, overRefusal } from "../domain/invite.ts";
import type { KnownUsers } from "../known-users.ts";
import type { InviteStore } from "../store/invite-store.ts";

interface Deps extends ChangeDeps {
  readonly invites: InviteStore;
  readonly knownUsers: KnownUsers;
  readonly now: () => number;
}

type Accepting = Delivery<PayloadOf<typeof AcceptInvite>>;

/**
 * Brings a user into a conversation. That she used the invite is written first: a command that comes again finds its own use,
 * and does what is left to do. So no invite is used more often than it may be, and nobody is brought back who went since.
 */
export const acceptInvite =
  (deps: Deps) =>
  async (delivery: Accepting): Promise<Outcome<Conversation>> => {
    const { app, id, payload } = delivery;
    const { conversationId, inviteId, userId } = payload;
    const row = present(conversationId, await findFollowed(deps)(app, conversationId, delivery), userId);
    if (row instanceof DomainError) return refuse(row);
    const invite = await deps.invites.find(app, inviteId);
    if (invite?.conversation !== conversationId || !isInvited(invite, userId)) {
      return refuse(new DomainError("not_found", { inviteId }));
    }
    const own = invite.uses.find(({ by }) => by === id);
    if (own) return finish(deps, row, own, delivery);
    const isIn = row.participants.includes(userId);
    // She has accepted before, or comes by a code, which is for those who are not in it yet: there is nothing to use up.
    if (isIn && (invite.user === null || invite.state === "accepted")) return reply(conversationOf(row));
    const refusal = overRefusal(invite, deps.now()) ?? (isIn ? null : writingRefusal(row, deps.now()));
    if (refusal) return refuse(refusal);
    // Refused when she is banned, or it is full, before anything is written.
    await requireMayComeIn(deps)(app, conversationId, [userId]);
    joined(row, delivery, payload.limits.maxParticipants);
    await deps.knownUsers.ensure(app, [userId], delivery);
    const use = { user: userId, at: delivery.sentAt.getTime(), by: id, wasIn: isIn };
    await deps.invites.use(invite, use);
    return finish(deps, row, use, delivery);
  };

const joined = (row: ConversationRow, { id, sentAt, payload }: Accepting, maxParticipants: number) =>
  changeConversation(
    row,
    [{ kind: "add-participant", userId: payload.userId }],
    { ...payload.limits, maxParticipants },
    { by: id, at: sentAt.getTime() },
  );

/** Her place in it is hers since the invite was used, so no limit is asked any more. */
async function finish(
  deps: Deps,
  row: ConversationRow,
  { wasIn }: InviteUse,
  delivery: Accepting,
): Promise<Outcome<Conversation>> {
  const { app, payload, sentAt } = delivery;
  const { conversationId, inviteId, userId } = payload;
  const at = sentAt.getTime();
  const after = wasIn || (await hasCome(deps, row, delivery)) ? row : (joined(row, delivery, Infinity) ?? row);
  if (after !== row) await storeChange(deps)(row, after, delivery);
  const accepted = { conversationId, inviteId, userId, at };
  await deps.publisher.emit(InviteAccepted, app, accepted, { id: `${delivery.id}.invite-accepted`, cause: delivery });
  return reply(conversationOf(after));
}

/** Whether this command has brought her in before, wherever she is since. */
async function hasCome({ memberships }: Deps, row: ConversationRow, delivery: Accepting): Promise<boolean> {
  if (isChangedBy(row, delivery)) return true;
  const membership = await memberships.find(delivery.app, delivery.payload.userId, row.conversationId);
  return membership !== null && membership.addedAt >= delivery.sentAt.getTime();
}
