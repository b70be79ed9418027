import type { Announcement } from "@strata/contracts";
import { requirePushable, intentOf, type ProfileCache, senderIds } from "@strata/doors";
import {
  announcementSystemView,
  chosenObjectId,
  parseIdempotencyKey,
  parseIfNoneMatch,
  profileOfSender,
  requireJsonObject,
} from "@strata/layer-protocol";
import { announce } from "../announcing/announce.ts";
import { announceLater } from "../announcing/announce-later.ts";
import { announceToAudience } from "../announcing/announce-to-audience.ts";
import { maxAudienceUsersOf, retentionOf } from "../domain/app-settings.ts";
import { accepted, type Answer, type Call, type Route } from "../http/route.ts";
import { operation } from "../openapi/operation.ts";
import { AppPath, CreationHeaders } from "../openapi/parameters.ts";
import { AnnouncementBody, AnnouncementView } from "../openapi/announcement-schemas.ts";
import { allowAnnouncement, readAnnouncement, type RequestedAnnouncementOptions } from "./requested-announcement.ts";

export interface AnnouncementsOptions extends RequestedAnnouncementOptions {
  readonly maxBodyBytes: number;
  readonly longListDeadlineMs: number;
}

export const createAnnouncement = (options: AnnouncementsOptions): Route => ({
  method: "post",
  path: "/apps/:app/announcements",
  access: "announcements:write",
  maxBodyBytes: options.maxBodyBytes,
  operation: operation({
    id: "createAnnouncement",
    tag: "Announcements",
    summary: "Send an announcement",
    description:
      `To at most ${options.maxRecipients} users, or fewer where the app's settings say so. Answered once it is durable: with 202 it will reach every recipient ` +
      "who exists. Those who do not are skipped and counted. `recipients` of the answer is null for more than 1,000. A " +
      "notification of which FCM or APNs would not take the push (4,096 bytes) is 422 with both sizes.",
    path: AppPath,
    headers: CreationHeaders,
    body: AnnouncementBody,
    answer: { status: 202, description: "Accepted", schema: AnnouncementView },
    errors: [409, 413, 422],
  }),
  handle: (call) => create(call, options),
});

async function create(call: Call, options: AnnouncementsOptions): Promise<Answer> {
  const ifNoneMatch = parseIfNoneMatch(call.header("If-None-Match"));
  const idempotencyKey = parseIdempotencyKey(call.header("Idempotency-Key"));
  const requested = readAnnouncement(call, options);
  const { content: asked, recipients, audience, expected, isUploaded } = requested;
  await requirePushable(asked, { version: call.wire.version, kind: "announcement", recipients });
  const chosenId = chosenObjectId("announcements", ifNoneMatch, requireJsonObject(call.body));
  const intent = intentOf({ scope: `${call.wire.appId}/announcements`, chosenId, idempotencyKey });

  const { settings, profiles } = await allowAnnouncement(call, options, requested);
  const content = { ...asked, ...retentionOf(settings, asked.category) };
  const { outcome, announcement } = await (isUploaded === true
    ? announceLater(call.calls, { intent, content })
    : audience === undefined
      ? announce(call.calls, options.longListDeadlineMs, { intent, content, recipients })
      : announceToAudience(call.calls, options.longListDeadlineMs, {
          intent,
          content,
          audience,
          expected: expected ?? null,
          maxUsers: maxAudienceUsersOf(settings),
        }));
  if (outcome === "in-use") throw intent.inUse(await storedView(call, options.profiles, announcement));
  return accepted(announcementSystemView(call.wire, announcement, profileOfSender(announcement.sender, profiles)));
}

/** Under an id that was taken by another request there may be another sender. */
async function storedView(call: Call, cache: ProfileCache, announcement: Announcement) {
  const profiles = await cache.of(call, senderIds([announcement.sender]));
  return announcementSystemView(call.wire, announcement, profileOfSender(announcement.sender, profiles));
}
