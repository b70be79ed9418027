import type { AcceptNotification, PayloadOf, ReplyOf } from "@strata/contracts";
import { type Handler, reply } from "@strata/messaging";
import type { NotificationStore } from "../store/notification-store.ts";

interface Deps {
  readonly pushNotifications: Pick<NotificationStore, "accept">;
  readonly ttlMs: number;
}

/** Stores what a push without a message says. The same again, until all of it is planned, goes on with it. */
export const acceptNotification =
  ({
    pushNotifications,
    ttlMs,
  }: Deps): Handler<PayloadOf<typeof AcceptNotification>, ReplyOf<typeof AcceptNotification>> =>
  async ({ app, id, payload }) => {
    const { notificationId, digest, notification, recipientCount, groups, category = null, isUrgent = false } = payload;
    const at = Date.now();
    const { ttl } = notification;
    const stored = await pushNotifications.accept({
      _id: `${app}/${notificationId}`,
      app,
      notification,
      recipientCount,
      groups,
      category,
      isUrgent,
      at,
      expiresAt: at + (ttl === undefined ? ttlMs : ttl * 1_000),
      digest,
      by: id,
    });
    const isPlanned = stored.planned.length >= stored.groups;
    const goesOn = stored.by === id || (!isPlanned && stored.digest === digest);
    return reply({ outcome: goesOn ? "accepted" : "in-use", isPlanned });
  };
