import { z } from "zod";
import { defineQuery } from "./define.ts";
import { Platform } from "./push-device.ts";
import { PushPolicyName } from "./push-policy.ts";
import { AnnouncementId, Millis, UserId } from "./values.ts";

const ByPlatform = z.object({ ios: z.number().int(), android: z.number().int(), web: z.number().int() });
const ByName = z.record(z.string(), z.number().int());

/**
 * Pushes of one announcement by device: accepted by the provider, failed, skipped by a policy, expired before they could
 * be sent, or waiting: for a policy, their provider or its credential, or being sent right now.
 */
export const GetPushCounts = defineQuery({
  service: "push-delivery",
  name: "GetPushCounts",
  version: 1,
  payload: z.object({ announcementId: AnnouncementId }),
  reply: z.object({
    pushed: z.number().int(),
    failed: z.number().int(),
    skipped: z.number().int().optional(),
    expired: z.number().int().optional(),
    waiting: z.number().int().optional(),
    pushedByPlatform: ByPlatform.optional(),
    failedByPlatform: ByPlatform.optional(),
    skippedByPlatform: ByPlatform.optional(),
    failedByReason: ByName.optional(),
    skippedByPolicy: ByName.optional(),
  }),
});

/** What became of the push to one device. */
export const PushOutcomeView = z.object({
  deviceId: z.string(),
  platform: Platform,
  outcome: z.enum(["accepted", "failed", "waiting", "skipped", "expired"]),
  /** Why it failed: the provider's own word, or ours. */
  reason: z.string().nullable(),
  /** Of one that was skipped or waits: which decided; null: it waits for a provider. */
  policy: PushPolicyName.nullable().optional(),
  /** The provider's own id of the push. */
  providerId: z.string().nullable(),
  /** When that was known; of one that waits, when it is tried next. */
  at: Millis,
});
export type PushOutcomeView = z.infer<typeof PushOutcomeView>;

/** What became of the pushes of some announcements, or of some messages, to one user's devices: `id` says of which. */
export const ListPushOutcomes = defineQuery({
  service: "push-delivery",
  name: "ListPushOutcomes",
  version: 1,
  payload: z.object({
    userId: UserId,
    kind: z.enum(["announcement", "message"]),
    ids: z.array(z.string()).min(1).max(100),
  }),
  reply: z.object({ outcomes: z.array(PushOutcomeView.extend({ id: z.string() })) }),
});

/** What became of an announcement's pushes to one user's devices. */
export const GetPushOutcomes = defineQuery({
  service: "push-delivery",
  name: "GetPushOutcomes",
  version: 1,
  payload: z.object({ announcementId: AnnouncementId, userId: UserId }),
  reply: z.object({ outcomes: z.array(PushOutcomeView), devices: z.number().int() }),
});
