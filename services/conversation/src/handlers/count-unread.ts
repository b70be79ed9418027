import type { CountUnread, PayloadOf, ReplyOf } from "@strata/contracts";
import { type Delivery, type Outcome, reply } from "@strata/messaging";
import { membershipKey } from "../domain/membership.ts";
import type { MembershipStore } from "../store/membership-store.ts";
import type { TimelineStore } from "../store/timeline-store.ts";

interface Deps {
  readonly memberships: MembershipStore;
  readonly timelines: TimelineStore;
}

/** What a user has not read, without the conversations that were deleted with her messages unread. */
export const countUnread =
  ({ memberships, timelines }: Deps) =>
  async ({
    app,
    payload: { userId },
  }: Delivery<PayloadOf<typeof CountUnread>>): Promise<Outcome<ReplyOf<typeof CountUnread>>> => {
    const unread = await timelines.countUnread(app, userId, null);
    const keys = [...unread.keys()].map((conversation) => membershipKey(app, userId, conversation));
    const present = [...(await memberships.findMany(keys)).values()].filter(({ isDeleted }) => !isDeleted);
    const unreadMessages = present.reduce((sum, { conversation }) => sum + (unread.get(conversation) ?? 0), 0);
    return reply({ unreadMessages, unreadConversations: present.length });
  };
