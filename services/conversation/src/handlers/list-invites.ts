import type { GetInvite, ListInvites, ListUserInvites, PayloadOf, ReplyOf } from "@strata/contracts";
import { type Delivery, type Outcome, refuse, reply } from "@strata/messaging";
import { inviteOf, type InviteRow, isInvited } from "../domain/invite.ts";
import { invitingRefusal } from "../domain/inviting.ts";
import { standingOf } from "../domain/membership.ts";
import type { ConversationStore } from "../store/conversation-store.ts";
import type { InviteStore } from "../store/invite-store.ts";
import type { MembershipStore } from "../store/membership-store.ts";

interface Deps {
  readonly conversations: ConversationStore;
  readonly memberships: MembershipStore;
  readonly invites: InviteStore;
  readonly now: () => number;
}

/** One invite, as far as the viewer may know of it. */
export const getInvite =
  (deps: Deps) =>
  async ({ app, payload }: Delivery<PayloadOf<typeof GetInvite>>): Promise<Outcome<ReplyOf<typeof GetInvite>>> => {
    const { by, viewer } = payload;
    const row = "code" in by ? await deps.invites.findByCode(app, by.code) : await deps.invites.find(app, by.inviteId);
    const relation = row && (await relationTo(deps, row, viewer, "code" in by));
    return reply({ invite: row && relation ? inviteOf(row, deps.now()) : null, isGuest: relation === "guest" });
  };

/** Why the viewer may know of an invite; null: she may not. */
async function relationTo(
  deps: Deps,
  row: InviteRow,
  viewer: string | null,
  hasCode: boolean,
): Promise<"host" | "guest" | null> {
  const { app, conversation: conversationId } = row;
  const conversation = await deps.conversations.find(app, conversationId);
  if (!conversation || conversation.deletedAt !== undefined) return null;
  if (viewer === null) return "host";
  const membership = await deps.memberships.find(app, viewer, conversationId);
  if (invitingRefusal(conversation, viewer, membership) === null) return "host";
  return isInvited(row, viewer) && (hasCode || row.user === viewer) ? "guest" : null;
}

/** A page of a conversation's invites: for its backend, and for who takes part, since she may invite. */
export const listInvites =
  (deps: Deps) =>
  async ({ app, payload }: Delivery<PayloadOf<typeof ListInvites>>): Promise<Outcome<ReplyOf<typeof ListInvites>>> => {
    const { conversationId, viewer, state, after, limit } = payload;
    const nothing = { invites: null, total: 0 };
    const conversation = await deps.conversations.find(app, conversationId);
    if (!conversation) return reply({ state: "absent", standing: "stranger", ...nothing });
    const membership = viewer === null ? null : await deps.memberships.find(app, viewer, conversationId);
    const standing = viewer === null ? "participant" : standingOf(conversation, viewer, membership);
    const isDeleted = conversation.deletedAt !== undefined;
    if (isDeleted) return reply({ state: "deleted", standing, ...nothing });
    if (standing !== "participant") return reply({ state: "present", standing, ...nothing });
    const refusal = invitingRefusal(conversation, viewer, membership);
    if (refusal) return refuse(refusal);
    const from = after === null ? null : await deps.invites.find(app, after);
    if (after !== null && from?.conversation !== conversationId) {
      return reply({ state: "present", standing, ...nothing });
    }
    const listed = { state, now: deps.now() };
    const [rows, total] = await Promise.all([
      deps.invites.list(app, conversationId, listed, { after: from, limit }),
      deps.invites.count(app, conversationId, listed),
    ]);
    return reply({ state: "present", standing, invites: rows.map((row) => inviteOf(row, listed.now)), total });
  };

/** A page of what a user may accept. */
export const listUserInvites =
  ({ invites, now }: Deps) =>
  async ({
    app,
    payload,
  }: Delivery<PayloadOf<typeof ListUserInvites>>): Promise<Outcome<ReplyOf<typeof ListUserInvites>>> => {
    const { userId, after, limit } = payload;
    const from = after === null ? null : await invites.find(app, after);
    if (after !== null && from?.user !== userId) return reply({ invites: null, total: 0 });
    const at = now();
    const [rows, total] = await Promise.all([
      invites.listFor(app, userId, at, { after: from, limit }),
      invites.countFor(app, userId, at),
    ]);
    return reply({ invites: rows.map((row) => inviteOf(row, at)), total });
  };
