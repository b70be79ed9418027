import { parseRecipients } from "./announcement-request.ts";
import { parseCategory, parsePriority } from "./announcement-terms.ts";
import { objectUri } from "./ids.ts";
import { invalidProperty } from "./errors.ts";
import { requireJsonObject, requireProperties } from "./json-object.ts";
import type { JsonObject } from "./json-object.ts";
import { parseNotification } from "./notification.ts";
import type { NormalisedNotification } from "./notification.ts";
import { formatTime } from "./timestamps.ts";
import { appUrl } from "./urls.ts";
import type { WireContext } from "./urls.ts";
import type { LayerVersion } from "./versions.ts";

/** A push without a message, the same for every version. */
export interface NotificationRequest {
  /** User ids in the order given, none twice. */
  recipients: string[];
  notification: NormalisedNotification;
  /** Extensions, as an announcement has them. */
  category?: string;
  isUrgent?: true;
}

/**
 * Parses the body of `POST /apps/:app/notifications` (server API 9.1).
 * @throws LayerError 400 `invalid_request` when the body is no object; 422 `missing_property`; 422 `invalid_property`
 */
export function parseNotificationRequest(
  version: LayerVersion,
  body: unknown,
  { maxRecipients }: { readonly maxRecipients: number },
): NotificationRequest {
  const fields = requireJsonObject(body);
  requireProperties(fields, ["recipients", "notification"]);
  const recipients = parseRecipients(version, fields.recipients, maxRecipients);
  const notification = parseNotification(version, fields.notification);
  if (notification === null) throw invalidProperty("notification", "must be an object");
  const category = parseCategory(fields.category);
  return {
    recipients,
    notification,
    ...(category === undefined ? {} : { category }),
    ...(parsePriority(fields.priority) === "urgent" ? { isUrgent: true } : {}),
  };
}

/** What is known of a push without a message; times in milliseconds. */
export interface NotificationFacts {
  readonly notificationId: string;
  readonly at: number;
  readonly expiresAt: number;
  readonly recipientCount: number;
  readonly isPlanned: boolean;
  readonly pushed: number;
  readonly pushedByPlatform: Readonly<Record<"ios" | "android" | "web", number>>;
  readonly failed: number;
  readonly failedByReason: Readonly<Record<string, number>>;
  /** What an older push-delivery does not say. */
  readonly skipped?: number | undefined;
  readonly expired?: number | undefined;
  readonly waiting?: number | undefined;
  readonly skippedByPolicy?: Readonly<Record<string, number>> | undefined;
}

/** Where a push without a message is found. */
export const notificationUrl = (wire: WireContext, notificationId: string): string =>
  `${appUrl(wire)}/notifications/${notificationId}`;

/** A push without a message, as its backend asks for it (an extension). */
export const pushedNotificationView = (wire: WireContext, facts: NotificationFacts): JsonObject => ({
  id: objectUri("notifications", facts.notificationId),
  url: notificationUrl(wire, facts.notificationId),
  sent_at: formatTime(facts.at),
  expires_at: formatTime(facts.expiresAt),
  state: facts.isPlanned ? "distributed" : "distributing",
  counts: {
    recipients: facts.recipientCount,
    pushed: facts.pushed,
    pushed_by_platform: { ...facts.pushedByPlatform },
    failed: facts.failed,
    failed_by_reason: { ...facts.failedByReason },
    skipped: facts.skipped ?? 0,
    skipped_by_policy: { ...facts.skippedByPolicy },
    expired: facts.expired ?? 0,
    waiting: facts.waiting ?? 0,
  },
});
