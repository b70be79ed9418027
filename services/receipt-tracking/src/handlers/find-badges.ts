import type { BadgeCounting, FindBadges, PayloadOf, ReplyOf } from "@strata/contracts";
import { type Delivery, type Outcome, reply } from "@strata/messaging";
import { FRESH_MS, unreadAnnouncements, type UnreadDeps } from "../unread.ts";

type Query = PayloadOf<typeof FindBadges>;

/**
 * Users whose count is not kept are counted from MongoDB, but of one question only so many: it takes a walk of each of
 * their inboxes, and who was not in the app for a week has an icon that can wait until she is. With 100 of a thousand,
 * pushes to who was away went at half the pace (docs/benchmarks.md).
 */
const COUNTED_PER_QUESTION = 20;
const COUNTED_AT_ONCE = 8;

/** The numbers on these users' icons: the unread count of REST and sockets, as far as their app has it counted. */
export const findBadges =
  (deps: UnreadDeps) =>
  async ({ app, payload }: Delivery<Query>): Promise<Outcome<ReplyOf<typeof FindBadges>>> => {
    const { userIds } = payload;
    const { counting, withAnnouncements, external } = await deps.inboxes.badgeFacts(app, userIds);
    if (counting === "off") return reply({ badges: [] });
    const [announcements, messages] = await Promise.all([
      withAnnouncements ? announcementsOf(deps, app, payload) : new Map(userIds.map((userId) => [userId, 0])),
      counting === "external" ? new Map<string, never>() : deps.inboxes.unreadMessagesOf(app, userIds),
    ]);
    const counted = new Map(external.map(({ userId, count }) => [userId, count]));
    return reply({
      badges: userIds.flatMap((userId) => {
        const unread = announcements.get(userId);
        if (unread === undefined) return [];
        return [{ userId, badge: unread + ofMessages(counting, messages.get(userId)) + (counted.get(userId) ?? 0) }];
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
  const others = userIds.filter((userId) => !kept.has(userId)).slice(0, COUNTED_PER_QUESTION);
  const counts = new Map(kept);
  const next = others.values();
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
