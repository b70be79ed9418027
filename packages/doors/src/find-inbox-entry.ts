import { type Announcement, FindRecipients, GetAnnouncement } from "@strata/contracts";
import { notFound } from "@strata/layer-protocol";
import type { Call } from "./call.ts";

/**
 * An announcement as one of its recipients has it, whether or not she has deleted it for herself.
 * @throws LayerError 404 `not_found` for what is none of hers, or nobody's any more
 */
export async function findInboxEntry(call: Call, userId: string, announcementId: string): Promise<Announcement> {
  const [{ found }, { progress }] = await Promise.all([
    call.calls.ask(FindRecipients, { checks: [{ announcementId, userIds: [userId] }] }),
    call.calls.ask(GetAnnouncement, { announcementId }),
  ]);
  const isRecipient = found.some((one) => one.userIds.includes(userId));
  if (!progress || !isRecipient || !isInInboxes(progress.announcement)) {
    throw notFound("There is no such announcement");
  }
  return progress.announcement;
}

/** Not what was recalled, or is over: that nobody sees any more, whoever had it. */
const isInInboxes = ({ state, expiresAt }: Announcement): boolean =>
  state !== "recalled" && state !== "expired" && (expiresAt ?? Number.POSITIVE_INFINITY) > Date.now();
