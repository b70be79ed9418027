import type { ConversationSummaries, ConversationSummary, ConversationView } from "./domain/conversation-summaries.ts";
import { userMessageView } from "./domain/message-view.ts";
import { totalOf, userView } from "./domain/visibility.ts";
import type { TimelineStore } from "./store/timeline-store.ts";

/** What messages add to users' views of conversations: four queries at once for each user, however many views she has. */
export const summariesOf = (timelines: TimelineStore): ConversationSummaries => ({
  async of(views) {
    const perUser = Map.groupBy(views, ({ membership: { app, user } }) => `${app}/${user}`);
    const summaries = new Map<ConversationView, ConversationSummary>();
    await Promise.all(
      [...perUser.values()].map(async (some) => {
        for (const [view, summary] of await summariesOfOne(timelines, some)) summaries.set(view, summary);
      }),
    );
    return views.flatMap((view) => summaries.get(view) ?? []);
  },
});

async function summariesOfOne(
  timelines: TimelineStore,
  views: readonly ConversationView[],
): Promise<readonly (readonly [ConversationView, ConversationSummary])[]> {
  const [first] = views;
  if (!first) return [];
  const { app, user } = first.membership;
  const seen = views.map((view) => ({ view, seen: userView(view.conversation, view.membership) }));
  const ranges = seen.map((one) => one.seen);
  const [newest, gone, unread] = await Promise.all([
    timelines.newest(app, ranges),
    timelines.countGone(app, ranges),
    timelines.countUnread(
      app,
      user,
      ranges.map(({ conversation }) => conversation),
    ),
  ]);
  return seen.map(({ view, seen: range }) => {
    const last = newest.get(range.conversation);
    const { deleted = 0, hidden = 0 } = gone.get(range.conversation) ?? {};
    return [
      view,
      {
        lastMessage: last ? userMessageView(last, user) : null,
        unreadCount: unread.get(range.conversation) ?? 0,
        messageCount: totalOf(range, { lastPosition: view.conversation.lastPosition, deleted, hidden }),
      },
    ];
  });
}
