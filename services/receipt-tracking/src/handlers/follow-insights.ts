import type {
  AnnouncementAccepted,
  MessageCreated,
  MessageReceiptsRecorded,
  PayloadOf,
  UserVisited,
} from "@strata/contracts";
import { ack, type GroupHandler } from "@strata/messaging";
import type { ActivityStore } from "../store/activity-store.ts";
import type { InsightFactStore } from "../store/insight-fact-store.ts";
import type { InsightStore } from "../store/insight-store.ts";

interface Deps {
  readonly facts: InsightFactStore;
  readonly activity: ActivityStore;
  readonly insights: InsightStore;
}

/** Counts an announcement in the hour in which it was accepted. */
export const countAnnouncements =
  ({ facts, insights }: Deps): GroupHandler<PayloadOf<typeof AnnouncementAccepted>, never> =>
  async (deliveries) => {
    const accepted = deliveries.map(({ app, payload: { announcementId: id, at, category = null } }) => ({
      kind: "hour" as const,
      app,
      at,
      category,
      id,
    }));
    await insights.markDirty(await facts.record(accepted));
    return deliveries.map(() => ack);
  };

/** Counts a message in the hour in which it was sent, and its sender as active. */
export const countMessages =
  ({ facts, activity, insights }: Deps): GroupHandler<PayloadOf<typeof MessageCreated>, never> =>
  async (deliveries) => {
    const messages = deliveries.map(({ app, payload: { messageId: id, sentAt: at } }) => ({
      kind: "messages" as const,
      app,
      at,
      id,
    }));
    const senders = deliveries.flatMap(({ app, payload: { sender, sentAt: at } }) =>
      "userId" in sender ? { app, userId: sender.userId, at } : [],
    );
    await insights.markDirty([...(await facts.record(messages)), ...(await activity.note(senders))]);
    return deliveries.map(() => ack);
  };

/** Counts who got or read a message as active. */
export const countMessageReaders =
  ({ activity, insights }: Deps): GroupHandler<PayloadOf<typeof MessageReceiptsRecorded>, never> =>
  async (deliveries) => {
    const readers = deliveries.flatMap(({ app, payload: { receipts } }) =>
      receipts.map(({ userId, at }) => ({ app, userId, at })),
    );
    await insights.markDirty(await activity.note(readers));
    return deliveries.map(() => ack);
  };

export const countVisitors =
  ({ activity, insights }: Deps): GroupHandler<PayloadOf<typeof UserVisited>, never> =>
  async (deliveries) => {
    const visitors = deliveries.map(({ app, payload: { userId, at } }) => ({ app, userId, at }));
    await insights.markDirty(await activity.note(visitors));
    return deliveries.map(() => ack);
  };
