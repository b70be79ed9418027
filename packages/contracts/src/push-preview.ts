import { z } from "zod";
import { defineQuery } from "./define.ts";
import { Platform } from "./push-device.ts";
import { NotificationContent, UserId, userIdList } from "./values.ts";

/** What FCM or APNs would be sent: how long it is, and whether it would be taken. */
const PreviewedPayload = z.object({
  /** Of the notices the one that is longest, or that is not taken. */
  userId: UserId,
  /** As it would be sent; null where it could not be made. */
  bytes: z.number().int().nullable(),
  limit: z.number().int(),
  fits: z.boolean(),
  /** Why it would not be taken. */
  reason: z.string().nullable(),
});

/** Who of some users could be pushed to, and what that would come to; nothing is sent. */
export const PreviewPushes = defineQuery({
  service: "push-delivery",
  name: "PreviewPushes",
  version: 1,
  payload: z.object({
    userIds: userIdList(1_000),
    /** What an announcement would say to some users, whether or not they have a device. */
    notices: z.array(z.object({ userId: UserId, notification: NotificationContent })).max(100),
  }),
  reply: z.object({
    /** Of `userIds` those who have a device. */
    reachable: z.array(z.object({ userId: UserId, platforms: z.array(Platform) })).max(1_000),
    /** Null without notices. */
    payloads: z.object({ apns: PreviewedPayload, fcm: PreviewedPayload }).nullable(),
  }),
});
