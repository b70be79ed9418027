import type { BadgeCounting, FindBadges, PayloadOf, ReplyOf } from "@strata/contracts";
import { type Delivery, type Outcome, reply } from "@strata/messaging";
import { FRESH_MS, unreadAnnouncements, type UnreadDeps } from "../unread.ts";
import { unreadOfUsers } from "../unread-of-users.ts";

type Query = PayloadOf<typeof FindBadges>;

/**
 * Of a question, so few users whose count is not kept are counted one by one, and kept: who is written to is written to
 * again. They are more where an announcement goes to many, most of whom are not there to ask for a number: those are
 * counted together, and not kept.
 */
const KEPT_PER_QUESTION = 20;
const COUNTED_AT_ONCE = 8;

/** The numbers on these users' icons: the unread count of REST and sockets, as far as their app has it counted. */
export const findBadges =
  (deps: UnreadDeps) =>
  async ({ app, payload }: Delivery<Query>): Promise<Outcome<ReplyOf<typeof FindBadges>>> => {
    const { userIds } = payload;
    const { counting, withAnnouncements, external } = await deps.inboxes.badgeFacts(app, userIds);
    if (counting === "off") return reply({ badges: [] });
    const [announcements, messages] = await Promise.all([
      withAnnouncements ? announcementsOf(deps, app, payload) : new Map<string, never>(),
      counting === "external" ? new Map<string, never>() : deps.inboxes.unreadMessagesOf(app, userIds),
    ]);
    const counted = new Map(external.map(({ userId, count }) => [userId, count]));
    return reply({
      badges: userIds.map((userId) => {
        const unread = (announcements.get(userId) ?? 0) + ofMessages(counting, messages.get(userId));
        return { userId, badge: unread + (counted.get(userId) ?? 0) };
      }),
    });
  };

const ofMessages = (
  counting: BadgeCounting,
  unread: { readonly messages: number; readonly conversations: number } | undefined,
): number => (counting === "conversations" ? unread?.conversations : unread?.messages) ?? 0;

async function announcementsOf(
  deps: UnreadDeps,
  app: string,
  { userIds, announcement }: Query,
): Promise<ReadonlyMap<string, number>> {
  // Of an older one a count does not remember who has read it, and its events have long come by.
  const isFresh = announcement !== undefined && Date.now() - announcement.at <= FRESH_MS;
  const kept = await peek(deps, app, userIds, isFresh ? announcement.announcementId : null);
  const others = [...new Set(userIds)].filter((userId) => !kept.has(userId));
  const counted =
    others.length > KEPT_PER_QUESTION ? await unreadOfUsers(deps, app, others) : await keepAll(deps, app, others);
  return new Map([...kept, ...counted]);
}

async function keepAll(deps: UnreadDeps, app: string, userIds: readonly string[]) {
  const counts = new Map<string, number>();
  const next = userIds.values();
  const work = async (): Promise<void> => {
    for (const userId of next) counts.set(userId, await unreadAnnouncements(deps, { app, userId }));
  };
  await Promise.all(Array.from({ length: COUNTED_AT_ONCE }, work));
  return counts;
}

async function peek({ unread, redis }: UnreadDeps, app: string, userIds: readonly string[], told: string | null) {
  try {
    return await unread.peekAll(app, userIds, told);
  } catch (error) {
    if (!redis.isDown(error)) throw error;
    return new Map<string, number>();
  }
}
