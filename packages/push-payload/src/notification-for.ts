import type { Notification, NotificationContent } from "@strata/contracts";

/** What this user's push says: her override, which inherits what it leaves out, or what is for everybody. */
export function notificationFor(notification: Notification, userId: string): NotificationContent {
  const { recipients, ...common } = notification;
  // A plain look-up would find "constructor" in every object.
  if (recipients === undefined || !Object.hasOwn(recipients, userId)) return common;
  return { ...common, ...recipients[userId] };
}
