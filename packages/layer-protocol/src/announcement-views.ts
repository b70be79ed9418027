import { objectUri, partUri } from "./ids.ts";
import type { MessagePart } from "./message-parts.ts";
import type { StoredNotification } from "./notification.ts";
import { type PersonalFields, personalView, templatesView } from "./personal-views.ts";
import { givenSenderView, senderView } from "./sender-views.ts";
import type { Profile } from "./sender-views.ts";
import type { Sender } from "./senders.ts";
import { formatOptionalTime, formatTime } from "./timestamps.ts";
import { appUrl, userUrl } from "./urls.ts";
import type { WireContext } from "./urls.ts";
import { formatUserReference } from "./user-ids.ts";
import { hasAddressableParts, usesIdentityIds } from "./versions.ts";

/** What the views need of a stored announcement. */
export interface AnnouncementFacts {
  readonly announcementId: string;
  /** Time of acceptance, milliseconds since 1970. */
  readonly at: number;
  readonly sender: Sender;
  readonly parts: readonly MessagePart[];
  /** What was said when; the first is the original. */
  readonly revisions?: readonly { readonly revision: number; readonly at: number }[] | undefined;
}

/** How far one recipient has come; times are milliseconds since 1970. */
export interface RecipientState {
  readonly status: "sent" | "delivered" | "read";
  readonly deliveredAt: number | null;
  readonly readAt: number | null;
  /** When she came by its push, and when she deleted it for herself; null or absent: not. */
  readonly openedAt?: number | null | undefined;
  readonly deletedAt?: number | null | undefined;
}

const TIE_BREAKS = 1024;

/**
 * The position of an announcement (server API 20): its time in milliseconds × 1,024 and a tie-break. The tie-break
 * falls as the id rises, as the inbox index sorts announcements of one millisecond, so that clients, who sort by
 * position, see the order the server pages in. Two that share time and tie-break share a position.
 */
export const announcementPosition = (at: number, announcementId: string): number =>
  at * TIE_BREAKS + (TIE_BREAKS - 1 - Math.floor(Number.parseInt(announcementId.slice(0, 3), 16) / 4));

/**
 * The system view: the body of the 202, and `data` of `id_in_use` (server API 8). `recipients` null stands for a list
 * that is too long to be kept with the announcement.
 */
export const announcementSystemView = (
  wire: WireContext,
  announcement: AnnouncementFacts &
    PersonalFields & {
      readonly recipients: readonly string[] | null;
      /** Its recipients follow it. */
      readonly isUploaded?: boolean | undefined;
      readonly state?: string | undefined;
    },
  senderProfile: Profile | null,
) => ({
  id: objectUri("announcements", announcement.announcementId),
  url: systemUrl(wire, announcement.announcementId),
  sent_at: formatTime(announcement.at),
  recipients: announcement.recipients?.map((userId) => formatUserReference(wire.version, userId)) ?? null,
  sender: givenSenderView(wire, announcement.sender, senderProfile),
  parts: announcement.parts.map((part, index) =>
    usesIdentityIds(wire.version)
      ? partView(wire, announcement.announcementId, systemUrl(wire, announcement.announcementId), part, index)
      : slimPart(part),
  ),
  ...personalView(wire.version, announcement),
  ...(announcement.isUploaded && announcement.state === "accepting" ? { state: "accepting" } : {}),
});

/** The answer to an upload of recipients, an extension: so many lines of it named somebody. */
export const uploadView = (wire: WireContext, announcementId: string, lines: number) => ({
  id: objectUri("announcements", announcementId),
  url: systemUrl(wire, announcementId),
  state: "accepting" as const,
  lines,
});

/**
 * The view of one recipient: a message without conversation whose `recipient_status` holds only her (server API 4.4,
 * 11; client API 5.5).
 */
export function announcementUserView(
  wire: WireContext,
  userId: string,
  announcement: AnnouncementFacts,
  state: RecipientState,
  senderProfile: Profile | null,
) {
  const { announcementId, at, sender, parts, revisions = [] } = announcement;
  // An original has never been changed.
  const correction = revisions.slice(1).at(-1);
  const url = `${userUrl(wire, userId)}/announcements/${announcementId}`;
  const view = {
    id: objectUri("announcements", announcementId),
    url,
    receipts_url: `${url}/receipts`,
    conversation: null,
    position: announcementPosition(at, announcementId),
    parts: parts.map((part, index) => partView(wire, announcementId, url, part, index)),
    sent_at: formatTime(at),
    received_at: formatOptionalTime(state.deliveredAt ?? state.readAt),
    is_unread: state.status !== "read",
    sender: senderView(wire, sender, senderProfile),
    recipient_status: { [formatUserReference(wire.version, userId)]: state.status },
    notification: null,
  };
  if (!usesIdentityIds(wire.version)) return view;
  const updated = correction ? { revision: correction.revision } : {};
  return { ...view, reply_to: null, updated_at: formatOptionalTime(correction?.at ?? null), ...updated };
}

/** Numbers of one announcement; what is said of pushes counts devices, all else users. */
export interface AnnouncementCounts {
  readonly recipients: number;
  readonly unknown: number;
  readonly sent: number;
  readonly delivered: number;
  readonly read: number;
  readonly opened: number;
  readonly deleted: number;
  readonly pushed: number;
  readonly pushedByPlatform: Readonly<Record<"ios" | "android" | "web", number>>;
  readonly failed: number;
  readonly failedByReason: Readonly<Record<string, number>>;
  readonly failedByPlatform: AnnouncementCounts["pushedByPlatform"];
  readonly skipped: number;
  readonly skippedByPlatform: AnnouncementCounts["pushedByPlatform"];
  readonly skippedByPolicy: Readonly<Record<string, number>>;
  readonly pushExpired: number;
  readonly pushWaiting: number;
}

/** What is said of an announcement's state; times are milliseconds since 1970. */
interface StateFacts extends Pick<AnnouncementFacts, "announcementId" | "at"> {
  readonly state: string;
  readonly startsAt?: number | null | undefined;
  readonly expiresAt?: number | null | undefined;
  readonly category?: string | null | undefined;
  readonly priority?: string | undefined;
  readonly throttlePerMinute?: number | null | undefined;
  readonly isSilent?: boolean | undefined;
  readonly includeNewUsersUntil?: number | null | undefined;
  readonly revision?: number | undefined;
}

const stateOf = (wire: WireContext, facts: StateFacts) => ({
  id: objectUri("announcements", facts.announcementId),
  url: systemUrl(wire, facts.announcementId),
  state: facts.state,
  created_at: formatTime(facts.at),
  starts_at: formatOptionalTime(facts.startsAt ?? null),
  expires_at: formatOptionalTime(facts.expiresAt ?? null),
  category: facts.category ?? null,
  priority: facts.priority ?? "normal",
  silent: facts.isSilent ?? false,
  throttle: facts.throttlePerMinute ? { per_minute: facts.throttlePerMinute } : null,
  include_new_users_until: formatOptionalTime(facts.includeNewUsersUntil ?? null),
  revision: facts.revision ?? 1,
});

/** The answer to a change of state, an extension: what it is now, and how many inboxes it had reached by then. */
export const announcementStateView = (wire: WireContext, facts: StateFacts, reached: number) => ({
  ...stateOf(wire, facts),
  reached,
});

interface StatusFacts extends StateFacts, PersonalFields {
  readonly parts: readonly MessagePart[];
  readonly notification: StoredNotification | null;
}

/**
 * `GET /apps/:app/announcements/:id`, an extension: where it stands and how many it reached; and of one that says another
 * thing to each recipient, from what.
 */
export const announcementStatusView = (wire: WireContext, announcement: StatusFacts, counts: AnnouncementCounts) => ({
  ...stateOf(wire, announcement),
  ...templatesView(wire.version, announcement),
  counts: {
    recipients: counts.recipients,
    unknown: counts.unknown,
    sent: counts.sent,
    delivered: counts.delivered,
    read: counts.read,
    opened: counts.opened,
    deleted: counts.deleted,
    pushed: counts.pushed,
    pushed_by_platform: counts.pushedByPlatform,
    failed: counts.failed,
    failed_by_reason: counts.failedByReason,
    failed_by_platform: counts.failedByPlatform,
    push_skipped: counts.skipped,
    push_skipped_by_platform: counts.skippedByPlatform,
    push_skipped_by_policy: counts.skippedByPolicy,
    push_expired: counts.pushExpired,
    push_waiting: counts.pushWaiting,
  },
});

/** `GET /apps/:app/announcements/:id/timeline`, an extension. */
export const announcementTimelineView = <Numbers extends object>(
  buckets: readonly (Numbers & { readonly at: number })[],
) => buckets.map((bucket) => ({ ...bucket, at: formatTime(bucket.at) }));

/** One row of `GET /apps/:app/announcements/:id/recipients`, an extension; `recipient` is what `from_id` takes. */
export const recipientStateView = (wire: WireContext, recipient: RecipientState & { readonly userId: string }) => ({
  recipient: formatUserReference(wire.version, recipient.userId),
  user_id: recipient.userId,
  status: recipient.status,
  delivered_at: formatOptionalTime(recipient.deliveredAt),
  read_at: formatOptionalTime(recipient.readAt),
  opened_at: formatOptionalTime(recipient.openedAt ?? null),
  deleted_at: formatOptionalTime(recipient.deletedAt ?? null),
});

const systemUrl = (wire: WireContext, announcementId: string): string =>
  `${appUrl(wire)}/announcements/${announcementId}`;

/** 1.x create: no id and, unless the body needs one, no encoding (server API 4.4, 4.5). */
const slimPart = ({ mimeType, body, encoding }: MessagePart) =>
  encoding === null ? { mime_type: mimeType, body } : { mime_type: mimeType, body, encoding };

/** An announcement's parts never change, so their position is id enough in every version (server API 8). */
function partView(wire: WireContext, announcementId: string, ownerUrl: string, part: MessagePart, index: number) {
  const view = {
    id: partUri("announcements", announcementId, index),
    mime_type: part.mimeType,
    body: part.body,
    encoding: part.encoding,
    content: null,
  };
  if (!hasAddressableParts(wire.version)) return view;
  return { ...view, url: `${ownerUrl}/parts/${index}`, message_url: ownerUrl, updated_at: null };
}
