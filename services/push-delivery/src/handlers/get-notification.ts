import type { GetNotification, PayloadOf, ReplyOf } from "@strata/contracts";
import { type Handler, reply } from "@strata/messaging";
import type { ChunkStore } from "../store/chunk-store.ts";
import type { NotificationStore } from "../store/notification-store.ts";
import { planned } from "./push-notification.ts";

interface Deps {
  readonly pushNotifications: Pick<NotificationStore, "find">;
  readonly chunks: Pick<ChunkStore, "counts" | "failedByReason">;
}

/** What became of a push without a message, summed over the ledger's rows. */
export const getNotification =
  ({ pushNotifications, chunks }: Deps): Handler<PayloadOf<typeof GetNotification>, ReplyOf<typeof GetNotification>> =>
  async ({ app, payload: { notificationId } }) => {
    const stored = await pushNotifications.find(app, notificationId);
    if (stored === null) return reply({ notification: null });
    const { at, expiresAt, recipientCount, groups } = stored;
    const { accepted, failed, ios, android, web } = await chunks.counts(app, planned(notificationId));
    const failedByReason = failed === 0 ? {} : await chunks.failedByReason(app, planned(notificationId));
    const counts = { pushed: accepted, failed, pushedByPlatform: { ios, android, web }, failedByReason };
    const isPlanned = stored.planned.length >= groups;
    return reply({ notification: { at, expiresAt, recipientCount, isPlanned, ...counts } });
  };
