import { z } from "zod";
import { defineQuery } from "./define.ts";
import { Platform } from "./push-device.ts";
import { AnnouncementId, Millis, UserId } from "./values.ts";

/** Pushes of one announcement by device: accepted by the provider, or given up. */
export const GetPushCounts = defineQuery({
  service: "push-delivery",
  name: "GetPushCounts",
  version: 1,
  payload: z.object({ announcementId: AnnouncementId }),
  reply: z.object({
    pushed: z.number().int(),
    failed: z.number().int(),
    pushedByPlatform: z.object({ ios: z.number().int(), android: z.number().int(), web: z.number().int() }).optional(),
    failedByReason: z.record(z.string(), z.number().int()).optional(),
  }),
});

/** What became of the push to one device. */
export const PushOutcomeView = z.object({
  deviceId: z.string(),
  platform: Platform,
  outcome: z.enum(["accepted", "failed", "waiting"]),
  /** Why it failed: the provider's own word, or ours. */
  reason: z.string().nullable(),
  /** The provider's own id of the push. */
  providerId: z.string().nullable(),
  /** When that was known; of one that waits, when it is tried next. */
  at: Millis,
});
export type PushOutcomeView = z.infer<typeof PushOutcomeView>;

/** What became of an announcement's pushes to one user's devices. */
export const GetPushOutcomes = defineQuery({
  service: "push-delivery",
  name: "GetPushOutcomes",
  version: 1,
  payload: z.object({ announcementId: AnnouncementId, userId: UserId }),
  reply: z.object({ outcomes: z.array(PushOutcomeView), devices: z.number().int() }),
});
