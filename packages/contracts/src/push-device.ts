import { z } from "zod";
import { defineCommand, defineEvent, defineQuery } from "./define.ts";
import { Millis, UserId } from "./values.ts";

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
  /** Of a browser's subscription, whose `token` is its endpoint: what its pushes are encrypted with, in base64url. */
  webPushKeys: z.object({ p256dh: z.string(), auth: z.string() }).optional(),
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

/**
 * Removes a device with whatever was registered of it until `at`, for good: none of that comes back. A registration that
 * is newer stays.
 */
export const RemoveDevice = defineCommand({
  service: "push-delivery",
  lane: "devices",
  name: "RemoveDevice",
  version: 1,
  payload: z.object({ userId: UserId, deviceId: z.string().min(1).max(256), token: z.string(), at: Millis }),
  /** By the token that it had, so behind every registration of it that was sent before. */
  orderedBy: ({ token }) => token,
});

export const GetDevice = defineQuery({
  service: "push-delivery",
  name: "GetDevice",
  version: 1,
  payload: z.object({ userId: UserId, deviceId: z.string().min(1).max(256) }),
  /** `wasThere`: it has no token any more, and had one within the last 90 days. */
  reply: z.object({ device: Device.nullable(), wasThere: z.boolean() }),
});

export const ListDevices = defineQuery({
  service: "push-delivery",
  name: "ListDevices",
  version: 1,
  payload: z.object({ userId: UserId }),
  reply: z.object({ devices: z.array(Device) }),
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
 * A device takes no pushes any more under this registration, or an earlier one: its token went to another device, its
 * provider called it dead, or it was removed. One that was registered later stands.
 */
export const DeviceRemoved = defineEvent({
  name: "push.device.removed",
  version: 1,
  producer: "push-delivery",
  payload: z.object({ userId: UserId, deviceId: z.string(), registeredAt: Millis }),
  consumedBy: ["directory.devices"],
});
