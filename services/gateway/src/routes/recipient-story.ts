import {
  FindRecipients,
  GetAnnouncement,
  GetPushOutcomes,
  GetReceiptStates,
  type PushOutcomeView,
  type RecipientState,
  type Announcement,
} from "@strata/contracts";
import { formatOptionalTime, formatTime, formatUserReference, notFound, requireUserId } from "@strata/layer-protocol";
import { whyNot } from "../domain/why-not.ts";
import { type Answer, type Call, ok, type Route } from "../http/route.ts";
import { RecipientStory } from "../openapi/announcement-schemas.ts";
import { operation } from "../openapi/operation.ts";
import { AnnouncementRecipientPath } from "../openapi/parameters.ts";
import { announcementIdOf } from "./announcement-id.ts";
import type { KnownUsers } from "./known-users.ts";

export const getRecipientStory = ({ users }: { readonly users: KnownUsers }): Route => ({
  method: "get",
  path: "/apps/:app/announcements/:announcement/recipients/:user",
  access: "announcements:read",
  operation: operation({
    id: "getAnnouncementRecipient",
    tag: "Announcements",
    summary: "One recipient's whole story, and why something did not happen",
    description:
      "Also for who is no recipient: then `why_not` says why. Each push is here as FCM or APNs answered it, those that wait " +
      "and those that a policy left out included.",
    path: AnnouncementRecipientPath,
    answer: { status: 200, description: "What is known", schema: RecipientStory },
    errors: [404, 422],
  }),
  handle: (call) => story(call, users),
});

const UNTOUCHED = { status: "sent", deliveredAt: null, readAt: null } as const;

async function story(call: Call, users: KnownUsers): Promise<Answer> {
  const userId = requireUserId(call.param("user"));
  const announcementId = announcementIdOf(call);
  const { calls } = call;
  const [{ progress }, { found }, { states }, { outcomes, devices }, isKnown] = await Promise.all([
    calls.ask(GetAnnouncement, { announcementId }),
    calls.ask(FindRecipients, { checks: [{ announcementId, userIds: [userId] }] }),
    calls.ask(GetReceiptStates, { userId, announcementIds: [announcementId] }),
    calls.ask(GetPushOutcomes, { announcementId, userId }),
    users.isKnown(call, userId),
  ]);
  if (progress === null) throw notFound("There is no such announcement");
  const isRecipient = found.some((one) => one.userIds.includes(userId));
  const { at, startsAt, state, isSilent = false, revisions = [] } = progress.announcement;
  const times = isRecipient ? (states[0] ?? UNTOUCHED) : null;
  const readAt = times?.readAt ?? null;
  const reasons = whyNot({ isKnown, isRecipient, state, isSilent, isRead: readAt !== null, outcomes, devices });
  return ok({
    recipient: formatUserReference(call.wire.version, userId),
    user_id: userId,
    is_recipient: isRecipient,
    ...timesView(times, startsAt ?? at),
    revision_read: readAt === null ? null : revisionAt(revisions, readAt),
    pushes: outcomes.map(pushView),
    why_not: reasons.map(({ code, message, deviceId, until }) => ({
      code,
      message,
      device_id: deviceId,
      until: formatOptionalTime(until),
    })),
  });
}

/**
 * Which revision was shown at a time. A phone whose clock is behind may have read before there was anything to read: that
 * was the first.
 */
const revisionAt = (revisions: NonNullable<Announcement["revisions"]>, time: number): number =>
  revisions.findLast(({ at }) => at <= time)?.revision ?? 1;

type Times = Omit<RecipientState, "userId">;

const timesView = (state: Times | null, sentAt: number) => ({
  status: state?.status ?? null,
  sent_at: state && formatTime(sentAt),
  delivered_at: formatOptionalTime(state?.deliveredAt ?? null),
  read_at: formatOptionalTime(state?.readAt ?? null),
  opened_at: formatOptionalTime(state?.openedAt ?? null),
  deleted_at: formatOptionalTime(state?.deletedAt ?? null),
});

const pushView = ({ deviceId, platform, outcome, reason, policy = null, providerId, at }: PushOutcomeView) => ({
  device_id: deviceId,
  platform,
  outcome,
  reason,
  policy,
  provider_id: providerId,
  at: formatTime(at),
});
