import type { GetNotification, PayloadOf, ReplyOf } from "@strata/contracts";
import { type Handler, reply } from "@strata/messaging";
import type { ChunkStore } from "../store/chunk-store.ts";
import type { NotificationStore } from "../store/notification-store.ts";
import { countsOf } from "./get-push-counts.ts";
import { planned } from "./push-notification.ts";

interface Deps {
  readonly pushNotifications: Pick<NotificationStore, "find">;
  readonly chunks: Pick<ChunkStore, "counts" | "reasons">;
}

/** What became of a push without a message, summed over the ledger's rows. */
export const getNotification =
  ({ pushNotifications, chunks }: Deps): Handler<PayloadOf<typeof GetNotification>, ReplyOf<typeof GetNotification>> =>
  async ({ app, payload: { notificationId } }) => {
    const stored = await pushNotifications.find(app, notificationId);
    if (stored === null) return reply({ notification: null });
    const { at, expiresAt, recipientCount, groups } = stored;
    const counts = await countsOf(chunks, app, planned(notificationId));
    const isPlanned = stored.planned.length >= groups;
    return reply({ notification: { at, expiresAt, recipientCount, isPlanned, ...counts } });
  };
