import { randomUUID } from "node:crypto";
import { Notification as ApnsNotification } from "@parse/node-apn";
import { type BuiltPayload, buildApnsPayload, type Push } from "@strata/push-payload";

/** APNs' form of a push, with an apns-id of its own so that a repeated send is known by the provider as the same push. */
export function buildApnsNotification(push: Push, topic: string): BuiltPayload<ApnsNotification> {
  const built = buildApnsPayload(push);
  if (built.kind === "unsendable") return built;
  const { body, collapseId, pushType, priority } = built.payload;
  const notification = new ApnsNotification();
  notification.id = randomUUID();
  notification.topic = push.device.appBundle ?? topic;
  notification.collapseId = collapseId;
  notification.expiry = push.ttlSeconds === 0 ? 0 : Math.floor(Date.now() / 1_000) + push.ttlSeconds;
  notification.pushType = pushType;
  notification.priority = priority;
  notification.rawPayload = body;
  return { kind: "built", payload: notification, bytes: built.bytes };
}
