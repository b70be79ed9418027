import { z } from "zod";
import { defineCommand, defineQuery } from "./define.ts";
import { Millis, Notification, NotificationId, userIdList } from "./values.ts";

/** Recipients of one `PushNotification`. */
export const PUSHED_PER_COMMAND = 1_000;

/**
 * First step of a push without a message: stores what it says, and that it goes to so many groups of recipients. The same
 * again, until all groups are planned, goes on with it; `in-use`: the id was taken by something else, or by the same when it was
 * done already.
 */
export const AcceptNotification = defineCommand({
  service: "push-delivery",
  lane: "new-notifications",
  name: "AcceptNotification",
  version: 1,
  payload: z.object({
    notificationId: NotificationId,
    /** SHA-256 over what it says and to whom. */
    digest: z.string().regex(/^[0-9a-f]{64}$/),
    notification: Notification,
    recipientCount: z.number().int().positive(),
    groups: z.number().int().positive(),
    /** For policies; absent: `notifications`. */
    category: z.string().optional(),
    isUrgent: z.boolean().optional(),
  }),
  reply: z.object({
    outcome: z.enum(["accepted", "in-use"]),
    /** Every group is planned: none needs to be sent again. */
    isPlanned: z.boolean(),
  }),
});

/** Second step: pushes to some of its recipients. Repeated, it repeats no push. Who has no device is passed over. */
export const PushNotification = defineCommand({
  service: "push-delivery",
  lane: "notifications",
  name: "PushNotification",
  version: 1,
  payload: z.object({
    notificationId: NotificationId,
    group: z.number().int().nonnegative(),
    recipients: userIdList(PUSHED_PER_COMMAND),
  }),
});

/** What became of a push without a message so far; null when there is none under this id, or not any more. */
export const GetNotification = defineQuery({
  service: "push-delivery",
  name: "GetNotification",
  version: 1,
  payload: z.object({ notificationId: NotificationId }),
  reply: z.object({
    notification: z
      .object({
        at: Millis,
        /** No push after it. */
        expiresAt: Millis,
        recipientCount: z.number().int(),
        /** Every recipient's devices are known and being pushed to. */
        isPlanned: z.boolean(),
        /** Devices: taken by their provider, and given up. */
        pushed: z.number().int(),
        failed: z.number().int(),
        pushedByPlatform: z.object({ ios: z.number().int(), android: z.number().int(), web: z.number().int() }),
        failedByReason: z.record(z.string(), z.number().int()),
        /** Left out by a policy, and those whose time was over before a provider took them. */
        skipped: z.number().int().optional(),
        expired: z.number().int().optional(),
        /** Those without an outcome yet: they wait for a policy or their provider, or are being sent. */
        waiting: z.number().int().optional(),
        skippedByPolicy: z.record(z.string(), z.number().int()).optional(),
      })
      .nullable(),
  }),
});
