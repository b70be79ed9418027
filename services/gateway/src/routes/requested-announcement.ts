import type { AnnouncementContent, AnnouncementTerms, AppSettings } from "@strata/contracts";
import { type SettingsCache, type ProfileCache, senderIds } from "@strata/doors";
import {
  type AnnouncementLimits,
  type AnnouncementRequest,
  invalidProperty,
  parseAnnouncement,
  parseAnnouncementTerms,
  parsePersonalTerms,
  type Profiles,
  requireJsonObject,
} from "@strata/layer-protocol";
import { requireContentWithin, requireRecipientsWithin, requireTellable } from "../domain/announcement-limits.ts";
import type { Call } from "../http/route.ts";

export interface RequestedAnnouncementOptions extends AnnouncementLimits {
  readonly profiles: ProfileCache;
  readonly settings: SettingsCache;
  readonly maxContentBytes: number;
}

/** What a body announces, to whom, and what is known of its app and sender. */
export interface RequestedAnnouncement extends Pick<
  AnnouncementRequest,
  "recipients" | "audience" | "expected" | "isUploaded"
> {
  readonly content: AnnouncementContent & AnnouncementTerms;
}

/**
 * Reads the body of an announcement, without asking anybody.
 * @throws LayerError 400, 422
 */
export function readAnnouncement(call: Call, options: RequestedAnnouncementOptions): RequestedAnnouncement {
  const fields = requireJsonObject(call.body);
  const { sender, parts, notification, ...forWhom } = parseAnnouncement(call.wire.version, fields, options);
  const personal = parsePersonalTerms(call.wire.version, fields, options);
  const content = { sender, parts, notification, ...parseAnnouncementTerms(fields, Date.now()), ...personal };
  requireContentWithin(options.maxContentBytes, content);
  requireTellable(content);
  return { content, ...forWhom };
}

/**
 * Looks at it with its app's settings, and for its sender, who must have an identity.
 * @throws LayerError 422
 */
export async function allowAnnouncement(
  call: Call,
  options: RequestedAnnouncementOptions,
  { content: { sender } }: RequestedAnnouncement,
): Promise<{ readonly settings: AppSettings; readonly profiles: Profiles }> {
  const [settings, profiles] = await Promise.all([
    options.settings.of(call),
    options.profiles.of(call, senderIds([sender])),
  ]);
  requireRecipientsWithin(settings.maxAnnouncementRecipients, requireJsonObject(call.body)["recipients"]);
  if ("userId" in sender && !profiles.has(sender.userId)) {
    throw invalidProperty("sender_id", "names nobody: a sender must have an identity");
  }
  return { settings, profiles };
}
