import { formatUserReference, type WireContext } from "@strata/layer-protocol";
import { audienceOf, countOf, requireCount } from "../announcing/announce-to-audience.ts";
import { findings, type Findings, type LookedAt, lookAtAudience, lookAtNamed } from "../announcing/preview.ts";
import { maxAudienceUsersOf } from "../domain/app-settings.ts";
import { scaled } from "../domain/preview-sample.ts";
import { type Answer, type Call, ok, type Route } from "../http/route.ts";
import { AnnouncementBody } from "../openapi/announcement-schemas.ts";
import { operation } from "../openapi/operation.ts";
import { AppPath } from "../openapi/parameters.ts";
import { PreviewView } from "../openapi/preview-schemas.ts";
import {
  allowAnnouncement,
  readAnnouncement,
  type RequestedAnnouncement,
  type RequestedAnnouncementOptions,
} from "./requested-announcement.ts";

interface Options extends RequestedAnnouncementOptions {
  readonly maxBodyBytes: number;
  readonly longListDeadlineMs: number;
}

/** Of those who are left out for one reason. */
const NAMED = 100;

export const previewAnnouncement = (options: Options): Route => ({
  method: "post",
  path: "/apps/:app/announcements/preview",
  access: "announcements:read",
  maxBodyBytes: options.maxBodyBytes,
  operation: operation({
    id: "previewAnnouncement",
    tag: "Announcements",
    summary: "What would become of an announcement, without sending it",
    description:
      "Takes the body of one, and refuses what would be refused, but that `expected_count` need not be there, and that a push " +
      "which is too long is measured. Nothing is " +
      "stored. Suspended users, and those who blocked its sender, are not left out of announcements.",
    path: AppPath,
    body: AnnouncementBody,
    answer: { status: 200, description: "The preview", schema: PreviewView },
    errors: [413, 422],
  }),
  handle: (call) => preview(call, options),
});

async function preview(call: Call, options: Options): Promise<Answer> {
  const requested = readAnnouncement(call, options);
  const { settings } = await allowAnnouncement(call, options, requested);
  const { count, lookedAt } = await whom(call, requested, maxAudienceUsersOf(settings), options.longListDeadlineMs);
  const calls = call.calls.within(options.longListDeadlineMs);
  return ok(previewView(call.wire, count, lookedAt, await findings(calls, requested.content, lookedAt.userIds)));
}

async function whom(
  call: Call,
  { recipients, audience: asked, expected, isUploaded }: RequestedAnnouncement,
  maxUsers: number,
  deadlineMs: number,
): Promise<{ readonly count: number | null; readonly lookedAt: LookedAt }> {
  if (isUploaded === true) return { count: null, lookedAt: { userIds: [], isAll: false } };
  if (asked === undefined) return { count: recipients.length, lookedAt: lookAtNamed(recipients) };
  const calls = call.calls.within(deadlineMs);
  const audience = await audienceOf(calls, asked);
  const count = requireCount(await countOf(calls, audience), { expected: expected ?? null, maxUsers });
  const lookedAt = await lookAtAudience(calls, audience, count);
  // They come and go: those who were all looked at are counted as they were then.
  return { count: lookedAt.isAll ? lookedAt.userIds.length : count, lookedAt };
}

function previewView(wire: WireContext, count: number | null, { userIds, isAll }: LookedAt, found: Findings) {
  const reference = (userId: string): string => formatUserReference(wire.version, userId);
  const leftOut = (reason: "unknown_user" | "no_device", from: "inbox" | "push", users: readonly string[]) =>
    users.length === 0
      ? []
      : [
          {
            reason,
            from,
            count: isAll ? users.length : scaled(users.length, userIds.length, count ?? 0),
            users: users.slice(0, NAMED).map(reference),
          },
        ];
  return {
    count,
    is_exact: isAll,
    looked_at: userIds.length,
    sample: found.sample.map(({ facts, platforms }) => ({
      recipient: reference(facts.userId),
      user_id: facts.userId,
      display_name: facts.displayName,
      locale: facts.locale,
      platforms,
    })),
    payload_sizes: found.payloads && { apns: sizeView(found.payloads.apns), fcm: sizeView(found.payloads.fcm) },
    left_out: [
      ...leftOut("unknown_user", "inbox", found.unknown),
      ...(found.payloads === null ? [] : leftOut("no_device", "push", found.withoutDevice)),
    ],
  };
}

const sizeView = ({ userId, ...size }: NonNullable<Findings["payloads"]>["apns"]) => ({ ...size, user_id: userId });
