import { invalidProperty } from "./errors.ts";
import { isAbsent, requireJsonObject, requireProperties } from "./json-object.ts";
import type { JsonObject } from "./json-object.ts";
import { parseInlineParts, requirePartProperties } from "./message-parts.ts";
import type { MessagePart, PartLimits } from "./message-parts.ts";
import { parseNotification } from "./notification.ts";
import type { NormalisedNotification } from "./notification.ts";
import {
  type ExpectedCount,
  parseExpectedCount,
  parseRequestedAudience,
  type RequestedAudience,
} from "./requested-audience.ts";
import { parseAnnouncementSender, requireSender } from "./senders.ts";
import type { Sender } from "./senders.ts";
import { parseUserReference } from "./user-ids.ts";
import type { LayerVersion } from "./versions.ts";

/** What an announcement of an app may be; all are counted before duplicates collapse. */
export interface AnnouncementLimits extends PartLimits {
  /** Recipients named inline (server API 20: 100,000). */
  readonly maxRecipients: number;
}

/** The meaning of a `POST /announcements` body, the same for every version. */
export interface AnnouncementRequest {
  /** User ids in the order given, none twice; none with an audience. */
  recipients: string[];
  /** An extension; absent: those who are named. */
  audience?: RequestedAudience;
  expected?: ExpectedCount;
  /** An extension: those it is for follow it. */
  isUploaded?: true;
  sender: Sender;
  parts: MessagePart[];
  notification: NormalisedNotification | null;
}

/**
 * Parses the body of `POST /apps/:app/announcements` (server API 8): first what is missing, in the order of the table,
 * then the values in the same order (3.3). That the sender exists, and which recipients do, is the caller's to find out.
 * @throws LayerError 400 `invalid_request` when the body is no object; 422 `missing_property`; 422 `invalid_property`
 */
export function parseAnnouncement(
  version: LayerVersion,
  body: unknown,
  limits: AnnouncementLimits,
): AnnouncementRequest {
  const fields = requireJsonObject(body);
  const hasAudience = !isAbsent(fields.audience);
  const isUploaded = parseUpload(fields);
  if (!hasAudience && !isUploaded) requireProperties(fields, ["recipients"]);
  else if (!isAbsent(fields.recipients)) {
    throw invalidProperty(hasAudience ? "audience" : UPLOAD, "cannot be there together with recipients");
  }
  requireSender(version, fields);
  requireProperties(fields, ["parts"]);
  requirePartProperties(fields.parts);
  const expected = parseExpectedCount(fields);
  if (expected !== null && !hasAudience) throw invalidProperty("expected_count", "goes with an audience only");
  return {
    recipients: hasAudience || isUploaded ? [] : parseRecipients(version, fields.recipients, limits.maxRecipients),
    ...(hasAudience ? { audience: parseRequestedAudience(fields.audience) } : {}),
    ...(expected === null ? {} : { expected }),
    ...(isUploaded ? { isUploaded: true } : {}),
    sender: parseAnnouncementSender(version, fields),
    parts: parseInlineParts(fields.parts, limits),
    notification: parseNotification(version, fields.notification),
  };
}

const UPLOAD = "recipients_upload";

function parseUpload({ [UPLOAD]: flag, audience }: JsonObject): boolean {
  if (isAbsent(flag)) return false;
  if (flag !== true) throw invalidProperty(UPLOAD, "must be true, or absent");
  if (!isAbsent(audience)) throw invalidProperty(UPLOAD, "cannot be there together with audience");
  return true;
}

/**
 * Parses a `recipients` list into user ids, duplicates collapsed, in the order given. Written as a loop because lists
 * have 100,000 entries, and because a schema would collect one issue for each bad one.
 * @throws LayerError 422 `invalid_property` `recipients`, also for the withdrawn `"everyone"`
 */
export function parseRecipients(version: LayerVersion, recipients: unknown, maxRecipients: number): string[] {
  if (recipients === "everyone") throw invalidProperty("recipients", 'cannot be "everyone": name the recipients');
  if (!Array.isArray(recipients)) throw invalidProperty("recipients", "must be an array");
  if (recipients.length === 0) throw invalidProperty("recipients", "must not be empty");
  if (recipients.length > maxRecipients) {
    throw invalidProperty("recipients", `must have at most ${maxRecipients} entries, and has ${recipients.length}`);
  }
  const userIds = new Set<string>();
  for (const [index, reference] of (recipients as unknown[]).entries()) {
    const userId = typeof reference === "string" ? parseUserReference(version, reference) : null;
    if (userId === null) throw invalidProperty("recipients", `names no user at index ${index}`);
    userIds.add(userId);
  }
  return [...userIds];
}
