import type { NotificationContent } from "@strata/contracts";
import { type BuiltPayload, collapseIdOf, isSilent, MAX_PAYLOAD_BYTES, present, type Push, tooLarge } from "./push.ts";

// The badge is the server's number (unread counts), never the sender's, and the alert has its own keys.
const NOT_PASSED_THROUGH = new Set(["alert", "badge", "launch-image"]);

/** APNs' form of a push: the body, and what goes into headers. */
export interface ApnsPayload {
  readonly body: Readonly<Record<string, unknown>>;
  readonly collapseId: string;
  readonly pushType: "alert" | "background";
  readonly priority: 10 | 5;
}

export function buildApnsPayload(push: Push): BuiltPayload<ApnsPayload> {
  const { notification: content } = push;
  const body = {
    aps: apsOf(push),
    ...(content.data === undefined ? {} : { data: content.data }),
    strata: push.data,
  };
  const bytes = Buffer.byteLength(JSON.stringify(body));
  if (bytes > MAX_PAYLOAD_BYTES) return tooLarge(bytes);
  return {
    kind: "built",
    payload: {
      body,
      collapseId: collapseIdOf(push),
      pushType: pushTypeOf(push),
      // APNs refuses a push that only wakes the app with priority 10.
      priority: isSilent(push.notification) || push.priority === "normal" ? 5 : 10,
    },
    bytes,
  };
}

/** A background push may have no badge: https://developer.apple.com/documentation/usernotifications/pushing-background-updates-to-your-app */
export const pushTypeOf = ({ notification, badge }: Push): ApnsPayload["pushType"] =>
  isSilent(notification) && badge === undefined ? "background" : "alert";

/** What Apple's phones read, whichever way it comes to them. */
export function apsOf({ notification: content, badge }: Push): Readonly<Record<string, unknown>> {
  if (isSilent(content)) return present({ "content-available": 1, badge });
  const passedThrough = Object.entries(content.apns ?? {}).filter(([key]) => !NOT_PASSED_THROUGH.has(key));
  const alert = alertOf(content);
  return {
    ...Object.fromEntries(passedThrough),
    ...present({
      alert: Object.keys(alert).length === 0 ? undefined : alert,
      badge,
      sound: content.sound,
      category: content.category,
      "thread-id": content.threadId,
      "interruption-level": content.interruptionLevel,
      "relevance-score": content.relevanceScore,
      "mutable-content": flagOf(content.mutableContent),
      "content-available": flagOf(content.contentAvailable),
    }),
  };
}

/** False takes away what `apns` asks for: 0 is as good as absent. */
const flagOf = (flag: boolean | undefined): 1 | 0 | undefined => {
  if (flag === undefined) return undefined;
  return flag ? 1 : 0;
};

/** What is shown, without its number and sound. */
export const alertOf = (content: NotificationContent): Readonly<Record<string, unknown>> =>
  present({
    title: content.title,
    body: content.text,
    "title-loc-key": content.titleLocKey,
    "title-loc-args": content.titleLocArgs,
    "loc-key": content.locKey,
    "loc-args": content.locArgs,
    "action-loc-key": content.actionLocKey,
    "launch-image": content.apns?.["launch-image"],
  });
