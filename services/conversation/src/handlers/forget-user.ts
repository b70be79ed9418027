import { type DeletionCounts, ForgetParticipant, type PayloadOf, type UserDeleted } from "@strata/contracts";
import { ack, type Deleted, deletionReport, type Delivery, type Outcome, type Publisher } from "@strata/messaging";
import { reportIfDone } from "../deletion-report.ts";
import type { BanStore } from "../store/ban-store.ts";
import type { ForgottenUserStore } from "../store/forgotten-user-store.ts";
import type { InviteStore } from "../store/invite-store.ts";
import type { MembershipStore } from "../store/membership-store.ts";
import type { RefusedMessageStore } from "../store/refused-message-store.ts";
import type { RuleMemberStore } from "../store/rule-member-store.ts";
import type { RuleRunStore } from "../store/rule-run-store.ts";

interface Deps {
  readonly memberships: MembershipStore;
  readonly bans: Pick<
    BanStore,
    "conversationsOf" | "countFromBefore" | "hasFromBefore" | "forgetImposedBy" | "countImposedBy"
  >;
  readonly forgottenUsers: ForgottenUserStore;
  readonly invites: Pick<InviteStore, "forget" | "countFromBefore">;
  readonly members: Pick<RuleMemberStore, "forget" | "countFromBefore">;
  readonly runs: Pick<RuleRunStore, "forget">;
  readonly refusedMessages: Pick<RefusedMessageStore, "forget" | "countFromBefore">;
  readonly publisher: Publisher;
}

const PAGE = 500;

/**
 * Has every conversation of a deleted user forget her, each by a command of its own, in the order of that conversation.
 * The ids of the commands come from the event: told again, it says the same again. That she was deleted is remembered
 * first, so that whoever brings her into a conversation which is passed over here finds that.
 */
export const forgetUser =
  (deps: Deps) =>
  async (delivery: Delivery<PayloadOf<typeof UserDeleted>>): Promise<Outcome<never>> => {
    const { memberships, bans, forgottenUsers, invites, members, runs, refusedMessages, publisher } = deps;
    const { app, payload } = delivery;
    const { userId, at } = payload;
    const forget = (conversationId: string): Promise<void> =>
      publisher.send(
        ForgetParticipant,
        app,
        { conversationId, userId, at },
        { id: `${delivery.id}.${conversationId}`, cause: delivery },
      );
    await forgottenUsers.add(app, userId, at);
    const deleted = { app, userId, at };
    await deletionReport(publisher, "conversation", deleted, delivery).counted(await countsOf(deps, deleted));
    await invites.forget(app, userId, at);
    await bans.forgetImposedBy(app, userId, at);
    await members.forget(app, userId, at);
    await runs.forget(app, userId, at);
    await refusedMessages.forget(app, userId, at);
    // She may be banned from where she never was.
    for (const rows of [memberships, bans]) {
      for (let after: string | null = null; ;) {
        const page: readonly string[] = await rows.conversationsOf(app, userId, after, PAGE);
        await Promise.all(page.map(forget));
        if (page.length < PAGE) break;
        after = page.at(-1) ?? null;
      }
    }
    await reportIfDone(deps, deleted, delivery);
    return ack;
  };

/** What there is of her, by kind. Who has come back since is somebody else. */
async function countsOf(deps: Deps, { app, userId, at }: Deleted): Promise<DeletionCounts> {
  const { memberships, bans, invites, members, refusedMessages } = deps;
  const about = await invites.countFromBefore(app, userId, at);
  return {
    memberships: await memberships.countFromBefore(app, userId, at),
    bans: await bans.countFromBefore(app, userId, at),
    invites: about.invites,
    invite_uses: about.used,
    invites_made: about.made,
    bans_imposed: await bans.countImposedBy(app, userId, at),
    membership_rules: await members.countFromBefore(app, userId, at),
    refused_messages: await refusedMessages.countFromBefore(app, userId, at),
  };
}
