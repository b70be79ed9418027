import { z } from "zod";
import { NotificationBody, Time, Uri, Url } from "./announcement-schemas.ts";
import { examples } from "./examples.ts";

const Count = z.number().int().min(0);

/** The body of `POST /apps/:app/notifications`. */
export const NotificationRequestBody = z
  .object({
    recipients: z.array(z.string()).min(1).meta({ description: "Identity URIs or user ids; user ids in 1.x" }),
    notification: NotificationBody,
    category: z
      .string()
      .min(1)
      .max(64)
      .nullish()
      .meta({ description: "What users opt out of, and policies are set for; `notifications` where absent" }),
    priority: z.enum(["normal", "urgent"]).nullish().meta({ description: "urgent: policies may let it pass" }),
  })
  .meta({
    id: "NotificationRequest",
    example: {
      recipients: ["layer:///identities/user-1"],
      notification: { title: "Goal!", text: "2:1", sound: "whistle.aiff", collapse_id: "match-1", ttl: 600 },
    },
  });

export const PushedNotificationView = z
  .strictObject({
    id: Uri,
    url: Url,
    sent_at: Time,
    expires_at: Time.meta({ description: "When a push that still waits is given up" }),
    state: z
      .enum(["distributing", "distributed"])
      .meta({ description: "distributed: the devices of every recipient are known" }),
    counts: z.strictObject({
      recipients: Count.meta({ description: "Distinct users named" }),
      pushed: Count.meta({ description: "Devices whose push was taken by its provider" }),
      pushed_by_platform: z.strictObject({ ios: Count, android: Count, web: Count }),
      failed: Count.meta({ description: "Devices whose push was given up" }),
      failed_by_reason: z
        .record(z.string(), Count)
        .meta({ description: "The same devices by the reason: the provider's own word, or ours" }),
      skipped: Count.meta({ description: "Devices whose push was left out, as a policy or their user wants it" }),
      skipped_by_policy: z
        .record(z.string(), Count)
        .meta({ description: "The same devices by the policy that decided" }),
      expired: Count.meta({ description: "Devices whose push could not be sent before its time was over" }),
      waiting: Count.meta({
        description: "Devices whose push waits for a policy, its provider or its credential, or is being sent",
      }),
    }),
  })
  .meta({ id: "PushedNotification", example: examples.pushedNotification });
