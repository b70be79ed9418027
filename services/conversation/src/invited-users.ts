import { InviteCreated } from "@strata/contracts";
import type { Delivery, Publisher } from "@strata/messaging";
import type { ConversationRow } from "./domain/conversation.ts";
import { type InviteRow, newInvite } from "./domain/invite.ts";
import { isUnopened } from "./domain/lifecycle.ts";
import { madeUuid } from "./domain/made-uuid.ts";
import type { ForgottenUserStore } from "./store/forgotten-user-store.ts";
import type { InviteStore } from "./store/invite-store.ts";

export interface InvitingDeps {
  readonly invites: InviteStore;
  readonly forgottenUsers: ForgottenUserStore;
  readonly publisher: Publisher;
  readonly now: () => number;
}

type Cause = Pick<Delivery<unknown>, "id" | "traceparent">;

/** Invites those with whom a conversation was made. Their invites' ids follow from the command: again, they are the same. */
export const inviteWith =
  (deps: InvitingDeps) =>
  async (row: ConversationRow, userIds: readonly string[], cause: Delivery<unknown>): Promise<void> => {
    const { app, conversationId, by } = row;
    const rows = [...new Set(userIds)].map((userId) =>
      newInvite({
        app,
        inviteId: madeUuid(`${by}/${conversationId}/invite/${userId}`),
        conversationId,
        to: { userId },
        inviter: null,
        metadata: {},
        expiresAt: null,
        at: deps.now(),
        by,
        isWaiting: isUnopened(row),
        isUnwanted: false,
      }),
    );
    const stored = await Promise.all(rows.map((invite) => deps.invites.insertOrFind(invite)));
    await tellInvited(deps)(app, stored, cause);
  };

/** Tells of the invites of a conversation that has opened. Again: the same. */
export const showInvites =
  (deps: InvitingDeps) =>
  async ({ app, conversationId }: ConversationRow, cause: Cause): Promise<void> =>
    tellInvited(deps)(app, await deps.invites.show(app, conversationId, deps.now()), { ...cause, sentAt: new Date() });

/**
 * Tells of invites, but for those that nobody is to hear of yet, or ever; and takes back those of users who were deleted
 * since they were named, whom the deletion may have looked for before.
 */
export const tellInvited =
  ({ invites, forgottenUsers, publisher }: InvitingDeps) =>
  async (app: string, rows: readonly InviteRow[], cause: Cause & { readonly sentAt: Date }): Promise<void> => {
    const named = rows.flatMap(({ user }) => (user === null ? [] : [user]));
    const deleted = await forgottenUsers.findSince(app, named, cause.sentAt.getTime());
    const isLate = ({ user }: InviteRow): boolean => user !== null && deleted.has(user);
    await Promise.all(rows.filter(isLate).map((row) => invites.forget(app, row.user ?? "", row.createdAt)));
    const told = rows.filter((row) => !row.isWaiting && !row.isUnwanted && !isLate(row));
    await Promise.all(
      told.map(
        ({ inviteId, conversation: conversationId, user: userId, inviter, expiresAt, metadata, createdAt: at }) =>
          publisher.emit(
            InviteCreated,
            app,
            { conversationId, inviteId, userId, inviter, expiresAt, metadata, at },
            { id: `${inviteId}.invite-created`, cause },
          ),
      ),
    );
  };
