import type { CountUnread, CountUnreadOfUsers, PayloadOf, ReplyOf } from "@strata/contracts";
import { type Delivery, type Outcome, reply } from "@strata/messaging";
import { membershipKey } from "../domain/membership.ts";
import type { MembershipStore } from "../store/membership-store.ts";
import type { TimelineStore } from "../store/timeline-store.ts";

interface Deps {
  readonly memberships: Pick<MembershipStore, "findMany">;
  readonly timelines: Pick<TimelineStore, "countUnread" | "countUnreadOfUsers">;
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

/** The same of many users, in two queries. */
export const countUnreadOfUsers =
  ({ memberships, timelines }: Deps) =>
  async ({
    app,
    payload,
  }: Delivery<PayloadOf<typeof CountUnreadOfUsers>>): Promise<Outcome<ReplyOf<typeof CountUnreadOfUsers>>> => {
    const counted = await timelines.countUnreadOfUsers(app, payload.userIds);
    const keyOf = ({ user, conversation }: (typeof counted)[number]) => membershipKey(app, user, conversation);
    const found = await memberships.findMany(counted.map(keyOf));
    const present = counted.filter((one) => found.get(keyOf(one))?.isDeleted === false);
    return reply({
      unread: [...Map.groupBy(present, ({ user }) => user)].map(([userId, conversations]) => ({
        userId,
        messages: conversations.reduce((sum, { messages }) => sum + messages, 0),
        conversations: conversations.length,
      })),
    });
  };
