import { type AcceptReply, type AnnouncementContent, type AnnouncementTerms, OpenUpload } from "@strata/contracts";
import { announcementDigest } from "../domain/announcement-digest.ts";
import type { Intent } from "../domain/intent.ts";
import type { Calls } from "../http/calls.ts";

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
