import { z } from "zod";
import { defineCommand, defineEvent, defineQuery } from "./define.ts";
import { AnnouncementId, Millis, NotificationContent, UserId, userIdList } from "./values.ts";

export const Platform = z.enum(["ios", "android", "web"]);
export type Platform = z.infer<typeof Platform>;

export const DeviceFields = z.object({
  platform: Platform,
  kind: z.enum(["fcm_token", "fcm_fid", "apns", "webpush"]),
  token: z.string().min(1).max(4096),
  environment: z.enum(["production", "development"]),
  appBundle: z.string().nullable(),
  locale: z.string().nullable(),
  timeZone: z.string().nullable(),
  appVersion: z.string().nullable(),
});
export type DeviceFields = z.infer<typeof DeviceFields>;

export const Device = DeviceFields.extend({ userId: UserId, deviceId: z.string(), registeredAt: Millis });
export type Device = z.infer<typeof Device>;

/** Registers a device. One physical token has one owner: the last registration wins. */
export const RegisterDevice = defineCommand({
  service: "push-delivery",
  lane: "devices",
  name: "RegisterDevice",
  version: 1,
  payload: z.object({ userId: UserId, deviceId: z.string().min(1).max(256), device: DeviceFields, at: Millis }),
  reply: Device,
  /** By token, not by user: two users who claim one phone must be put in an order. */
  orderedBy: ({ device }) => device.token,
});

export const FcmCredential = z.object({
  kind: z.literal("fcm"),
  /** The service account key file, as Google hands it out. */
  serviceAccount: z.object({ project_id: z.string(), client_email: z.string(), private_key: z.string() }).loose(),
});
export const ApnsCredential = z.object({
  kind: z.literal("apns"),
  teamId: z.string(),
  keyId: z.string(),
  /** PKCS#8 PEM of the .p8 file. */
  privateKey: z.string(),
  bundleId: z.string(),
  environment: z.enum(["production", "development"]),
});
export const PushCredential = z.discriminatedUnion("kind", [FcmCredential, ApnsCredential]);
export type PushCredential = z.infer<typeof PushCredential>;

/**
 * Sets the credential under which an app pushes. `sealed` is the JSON of a PushCredential, sealed (AES-256-GCM) by the
 * gateway before it leaves it, so that neither the broker's disk nor the database ever holds a key in clear.
 */
export const PutPushCredential = defineCommand({
  service: "push-delivery",
  lane: "admin",
  name: "PutPushCredential",
  version: 1,
  payload: z.object({ credentialId: z.uuid(), kind: z.enum(["fcm", "apns"]), sealed: z.string() }),
});

export const ListDevices = defineQuery({
  service: "push-delivery",
  name: "ListDevices",
  version: 1,
  payload: z.object({ userId: UserId }),
  reply: z.object({ devices: z.array(Device) }),
});

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

/** A push address has an owner, who may have had none or another before. The latest `registeredAt` wins. */
export const DeviceRegistered = defineEvent({
  name: "push.device.registered",
  version: 1,
  producer: "push-delivery",
  payload: z.object({
    userId: UserId,
    deviceId: z.string(),
    platform: Platform,
    registeredAt: Millis,
    locale: z.string().nullable().optional(),
    timeZone: z.string().nullable().optional(),
    appVersion: z.string().nullable().optional(),
  }),
  consumedBy: ["directory.devices"],
});

/**
 * A device takes no pushes any more under this registration: its token went to another device, or its provider called it
 * dead. One that was registered later stands.
 */
export const DeviceRemoved = defineEvent({
  name: "push.device.removed",
  version: 1,
  producer: "push-delivery",
  payload: z.object({ userId: UserId, deviceId: z.string(), registeredAt: Millis }),
  consumedBy: ["directory.devices"],
});
