import { type AcceptReply, type AnnouncementContent, type AnnouncementTerms, OpenUpload } from "@strata/contracts";
import type { Intent, Calls } from "@strata/doors";
import { announcementDigest } from "../domain/announcement-digest.ts";

interface AnnouncingLater {
  readonly intent: Intent;
  readonly content: AnnouncementContent & AnnouncementTerms;
}

/** Takes an announcement whose recipients are uploaded next. The same again, until it is started, goes on with it. */
export function announceLater(calls: Calls, { intent, content }: AnnouncingLater): Promise<AcceptReply> {
  const meaning = { ...content, isUploaded: true };
  const digest = announcementDigest(meaning, []);
  const payload = { ...content, announcementId: intent.id, digest };
  return calls.request(OpenUpload, payload, { id: intent.commandId(digest) });
}
