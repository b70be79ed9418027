import { MetadataChanged, ParticipantsChanged } from "@strata/contracts";
import type { Delivery, Publisher } from "@strata/messaging";
import { requireMayComeIn } from "./coming-in.ts";
import type { ConversationRow, LastChange } from "./domain/conversation.ts";
import { isUnopened } from "./domain/lifecycle.ts";
import { newMembership } from "./domain/membership.ts";
import { forgetLate } from "./late-participants.ts";
import type { BanStore } from "./store/ban-store.ts";
import type { ConversationStore } from "./store/conversation-store.ts";
import type { ForgottenUserStore } from "./store/forgotten-user-store.ts";
import { hideModerated } from "./moderated-messages.ts";
import type { MembershipStore } from "./store/membership-store.ts";
import type { MessageStore } from "./store/message-store.ts";
import { followGovernance } from "./told-governance.ts";

export interface ChangeDeps {
  readonly conversations: ConversationStore;
  readonly memberships: MembershipStore;
  readonly forgottenUsers: ForgottenUserStore;
  readonly bans: BanStore;
  readonly messages: Pick<MessageStore, "findModerated" | "hideFromMany">;
  readonly publisher: Publisher;
  readonly now: () => number;
}

type Cause = Pick<Delivery<unknown>, "id" | "traceparent">;

/** A conversation as the next command about it finds it: done with its last change. Also a deleted one. */
export const findFollowed =
  (deps: ChangeDeps) =>
  async (app: string, conversationId: string, cause: Cause): Promise<ConversationRow | null> => {
    const row = await deps.conversations.find(app, conversationId);
    if (row) await followChange(deps)(row, cause);
    return row;
  };

/**
 * Stores what a conversation was changed to, and does all that follows from it.
 * @throws DomainError `user_banned` where it would bring in who is banned from it
 */
export const storeChange =
  (deps: ChangeDeps) =>
  async (before: ConversationRow, after: ConversationRow, cause: Cause): Promise<void> => {
    await requireMayComeIn(deps)(after.app, after.conversationId, after.lastChange?.added ?? []);
    await deps.conversations.change(before, after);
    await followChange(deps)(after, cause);
  };

/** Whether the change that a command makes is the last that was made: the command has come again. */
export const isChangedBy = (row: ConversationRow, { id }: Cause): boolean => row.lastChange?.by === id;

/**
 * Does what is left to do after a conversation's last change: memberships, then the events, then the mark that it is
 * done. From the row alone, so that whoever comes next, the same command or another, does and says exactly that.
 */
export const followChange =
  (deps: ChangeDeps) =>
  async (row: ConversationRow, { traceparent }: Cause): Promise<void> => {
    const { conversations, memberships, publisher } = deps;
    const { app, conversationId, participants, version, lastChange } = row;
    if (!lastChange || lastChange.isFollowed || row.deletedAt !== undefined) return;
    const { by, at, position } = lastChange;
    const [added, removed] = [[...lastChange.added], [...lastChange.removed]];
    const named = bannedBy(lastChange);
    await memberships.admit(added.map((userId) => newMembership(row, userId, at)));
    if (isUnopened(row)) {
      // Nobody has heard of it: who goes never was in it.
      for (const userId of removed) await memberships.forget(app, userId, conversationId);
      await followGovernance(deps)(row, { id: by, traceparent });
      await forgetLate(deps)({ app, conversationId, userIds: [...added, ...named], at }, { id: by, traceparent });
      return conversations.markFollowed(row);
    }
    await hideModerated(deps)(app, conversationId, added, at);
    await memberships.dismiss(app, conversationId, removed, position);
    const cause = { id: by, traceparent };
    const about = (name: string) => ({ id: `${by}.${name}`, cause, subjectVersion: version });
    if (added.length > 0 || removed.length > 0) {
      const people = { conversationId, added, removed, participants: [...participants], at };
      await publisher.emit(ParticipantsChanged, app, people, about("participants-changed"));
    }
    if (lastChange.isMetadataChanged) {
      await publisher.emit(MetadataChanged, app, { conversationId, at }, about("metadata-changed"));
    }
    await followGovernance(deps)(row, cause);
    await forgetLate(deps)({ app, conversationId, userIds: [...added, ...named], at }, cause);
    await conversations.markFollowed(row);
  };

/** Who may have been deleted since, though she did not come in by it. */
const bannedBy = ({ governed }: LastChange): readonly string[] =>
  governed?.act.kind === "ban" ? [governed.act.userId] : [];
