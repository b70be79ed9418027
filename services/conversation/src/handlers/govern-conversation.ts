import type { GovernConversation, PayloadOf, ReplyOf } from "@strata/contracts";
import { type Delivery, type Outcome, reply } from "@strata/messaging";
import { DomainError } from "@strata/runtime";
import { type ChangeDeps, findFollowed, isChangedBy, storeChange } from "../changed-conversations.ts";
import { present } from "../domain/access.ts";
import { governingRefusal } from "../domain/authority.ts";
import { conversationOf, type ConversationRow } from "../domain/conversation.ts";
import { memberOf } from "../domain/governance.ts";
import { govern, inForce } from "../domain/governance-change.ts";
import { refusedTo } from "../domain/membership.ts";
import type { KnownUsers } from "../known-users.ts";

interface Deps extends ChangeDeps {
  readonly knownUsers: KnownUsers;
}

type Governing = Delivery<PayloadOf<typeof GovernConversation>>;
type Governed = ReplyOf<typeof GovernConversation>;

/**
 * Does one act of whoever governs a conversation. It is a change like any other: stored on the row in one write, from which
 * bans and events follow, and done once by the command that comes again. What is so already stays as it is.
 */
export const governConversation =
  (deps: Deps) =>
  async (delivery: Governing): Promise<Outcome<Governed>> => {
    const { app, payload } = delivery;
    const { conversationId, actor, act } = payload;
    const row = present(conversationId, await findFollowed(deps)(app, conversationId, delivery), actor);
    if (row instanceof DomainError) throw row;
    // Before the actor is looked at: what she did may have been to give her role away.
    if (isChangedBy(row, delivery)) return reply(await viewOf(deps, row, delivery));
    const now = deps.now();
    const userId = "userId" in act ? act.userId : null;
    const ban = userId === null ? null : await deps.bans.find(app, conversationId, userId, now);
    if (actor !== null) {
      const refusal =
        refusedTo(row, actor, await deps.memberships.find(app, actor, conversationId)) ??
        governingRefusal(row, actor, act, inForce(row, act, { now, ban }));
      if (refusal) throw refusal;
    }
    const change = { by: delivery.id, at: delivery.sentAt.getTime(), actor, now, ban };
    const after = govern(row, act, change);
    if (after === null) return reply(await viewOf(deps, row, delivery));
    if (act.kind === "ban") await deps.knownUsers.ensure(app, [act.userId], delivery);
    await storeChange(deps)(row, after, delivery);
    return reply(await viewOf(deps, after, delivery));
  };

async function viewOf(
  { bans, now }: Deps,
  row: ConversationRow,
  { payload: { act } }: Pick<Governing, "payload">,
): Promise<Governed> {
  const conversation = conversationOf(row);
  if (!("userId" in act)) return { conversation, member: null, ban: null };
  const { app, conversationId } = row;
  const found = await bans.find(app, conversationId, act.userId, now());
  return { conversation, member: memberOf(row, act.userId, now()), ban: found && banOf(found) };
}

/** A ban as it is shown. */
export const banOf = ({ userId, at, by, reason, expiresAt }: NonNullable<Governed["ban"]>) => ({
  userId,
  at,
  by,
  reason,
  expiresAt,
});
