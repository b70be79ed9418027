import { randomUUID } from "node:crypto";
import { Notification as ApnsNotification } from "@parse/node-apn";
import type { NotificationContent } from "@strata/contracts";
import {
  collapseIdOf,
  isSilent,
  MAX_PAYLOAD_BYTES,
  present,
  tooLarge,
  type BuiltPayload,
  type Push,
} from "./push-provider.ts";

// The badge is the server's number (unread counts), never the sender's, and the alert has its own keys.
const NOT_PASSED_THROUGH = new Set(["alert", "badge", "launch-image"]);

/** APNs' form of a push, with an apns-id of its own so that a repeated send is known by the provider as the same push. */
export function buildApnsNotification(push: Push, topic: string): BuiltPayload<ApnsNotification> {
  const { notification: content, ttlSeconds, priority } = push;
  const silent = isSilent(content);
  const notification = new ApnsNotification();
  notification.id = randomUUID();
  notification.topic = push.device.appBundle ?? topic;
  notification.collapseId = collapseIdOf(push);
  notification.expiry = ttlSeconds === 0 ? 0 : Math.floor(Date.now() / 1_000) + ttlSeconds;
  notification.pushType = silent ? "background" : "alert";
  // APNs refuses a background push with priority 10.
  notification.priority = silent || priority === "normal" ? 5 : 10;
  notification.rawPayload = {
    aps: silent ? { "content-available": 1 } : visibleAps(content),
    ...(content.data === undefined ? {} : { data: content.data }),
    strata: push.data,
  };
  const bytes = Buffer.byteLength(JSON.stringify(notification.rawPayload));
  return bytes > MAX_PAYLOAD_BYTES ? tooLarge(bytes) : { kind: "built", payload: notification, bytes };
}

function visibleAps(content: NotificationContent): Readonly<Record<string, unknown>> {
  const passedThrough = Object.entries(content.apns ?? {}).filter(([key]) => !NOT_PASSED_THROUGH.has(key));
  const alert = present({
    title: content.title,
    body: content.text,
    "title-loc-key": content.titleLocKey,
    "title-loc-args": content.titleLocArgs,
    "loc-key": content.locKey,
    "loc-args": content.locArgs,
    "action-loc-key": content.actionLocKey,
    "launch-image": content.apns?.["launch-image"],
  });
  return {
    ...Object.fromEntries(passedThrough),
    ...present({
      alert: Object.keys(alert).length === 0 ? undefined : alert,
      sound: content.sound,
      category: content.category,
    }),
  };
}
