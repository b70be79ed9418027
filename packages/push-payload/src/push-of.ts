import type { NotificationContent } from "@strata/contracts";
import { isSilent, type Push } from "./push.ts";

/** What a push is about. */
export type PushSubject =
  | { readonly kind: "announcement"; readonly id: string; readonly follows?: "correction" | "recall" | undefined }
  | { readonly kind: "message"; readonly id: string; readonly conversationId: string }
  | { readonly kind: "notification"; readonly id: string }
  | { readonly kind: "badge"; readonly id: string };

/** What an app needs to open what it was woken for. */
export function dataOf(subject: PushSubject): Readonly<Record<string, string>> {
  switch (subject.kind) {
    case "announcement":
      return { announcement_id: subject.id, ...(subject.follows === "recall" ? { recalled: "true" } : {}) };
    case "message":
      return { conversation_id: subject.conversationId, message_id: subject.id };
    case "notification":
      return { notification_id: subject.id };
    default:
      return {};
  }
}

/** The push of a subject to one device of a user. */
export function pushOf({
  subject,
  content,
  userId,
  ...rest
}: Pick<Push, "device" | "ttlSeconds" | "badge"> & {
  readonly subject: PushSubject;
  readonly content: NotificationContent;
  readonly userId: string;
}): Push {
  return {
    ...rest,
    notification: content,
    collapseId: content.collapseId ?? subject.id,
    priority: content.priority ?? (isSilent(content) ? "normal" : "high"),
    data: { ...dataOf(subject), user_id: userId },
  };
}
