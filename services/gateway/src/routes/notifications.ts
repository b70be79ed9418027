import { GetNotification } from "@strata/contracts";
import { requirePushable, intentOf, type SettingsCache } from "@strata/doors";
import {
  notFound,
  notificationUrl,
  parseIdempotencyKey,
  parseIfNoneMatch,
  parseNotificationRequest,
  parseObjectId,
  pushedNotificationView,
  requireJsonObject,
} from "@strata/layer-protocol";
import { pushToRecipients } from "../announcing/push-to-recipients.ts";
import { requireContentWithin, requireRecipientsWithin } from "../domain/announcement-limits.ts";
import { accepted, type Answer, type Call, ok, type Route } from "../http/route.ts";
import { NotificationRequestBody, PushedNotificationView } from "../openapi/notification-schemas.ts";
import { operation } from "../openapi/operation.ts";
import { AppPath, CreationHeaders, LocationHeader, NotificationPath } from "../openapi/parameters.ts";

interface Options {
  readonly settings: Pick<SettingsCache, "of">;
  readonly maxBodyBytes: number;
  readonly maxContentBytes: number;
  readonly maxRecipients: number;
  readonly longListDeadlineMs: number;
}

export const pushNotification = (options: Options): Route => ({
  method: "post",
  path: "/apps/:app/notifications",
  access: "pushes:write",
  maxBodyBytes: options.maxBodyBytes,
  operation: operation({
    id: "pushNotification",
    tag: "Notifications",
    summary: "Push without a message",
    description:
      `To the devices of at most ${options.maxRecipients} users, or fewer where the app's settings say so; nothing of it is ` +
      "in an inbox or a conversation. Answered without a body once it is durable: with 202 it is pushed to every recipient who has a " +
      "device. Users who do not exist, or have none, are passed over. `Location` is where to see what became of it. What FCM or " +
      "APNs would not take (more than 4,096 bytes), for all or by an override, is 422 with both sizes.",
    path: AppPath,
    headers: CreationHeaders,
    body: NotificationRequestBody,
    answer: { status: 202, description: "Accepted", headers: LocationHeader },
    errors: [409, 413, 422],
  }),
  handle: (call) => push(call, options),
});

async function push(call: Call, options: Options): Promise<Answer> {
  const chosenId = parseIfNoneMatch(call.header("If-None-Match"));
  const idempotencyKey = parseIdempotencyKey(call.header("Idempotency-Key"));
  const requested = parseNotificationRequest(call.wire.version, call.body, options);
  requireContentWithin(options.maxContentBytes, { parts: [], notification: requested.notification });
  await requirePushable(requested, { version: call.wire.version, kind: "notification", ...requested });
  const { maxAnnouncementRecipients } = await options.settings.of(call);
  requireRecipientsWithin(maxAnnouncementRecipients, requireJsonObject(call.body)["recipients"]);
  const intent = intentOf({ scope: `${call.wire.appId}/notifications`, chosenId, idempotencyKey });
  await pushToRecipients(call.calls.within(options.longListDeadlineMs), intent, requested);
  return { ...accepted(), headers: { Location: notificationUrl(call.wire, intent.id) } };
}

export const getNotification = (): Route => ({
  method: "get",
  path: "/apps/:app/notifications/:notification",
  access: "pushes:read",
  operation: operation({
    id: "getNotification",
    tag: "Notifications",
    summary: "What became of a push without a message",
    description:
      "Devices whose push was taken by their provider, or given up; the others wait. It is known for a week, and longer " +
      "where its `ttl` is.",
    path: NotificationPath,
    answer: { status: 200, description: "The counts so far", schema: PushedNotificationView },
    errors: [404],
  }),
  handle: get,
});

async function get(call: Call): Promise<Answer> {
  const notificationId = parseObjectId("notifications", call.param("notification"));
  const found = notificationId && (await call.calls.ask(GetNotification, { notificationId }));
  if (!found || found.notification === null) throw notFound("There is no such notification");
  return ok(pushedNotificationView(call.wire, { notificationId, ...found.notification }));
}
