import { DeviceBody as WireDevice, IdentityBody as WireIdentity } from "@strata/layer-protocol";
import { z } from "zod";

const Text = z.string().nullable();

/** As layer-protocol parses it; its hand-written check of `metadata` is spelled out here. */
export const IdentityBody = WireIdentity.extend({
  metadata: z.record(z.string(), z.string()).nullish().meta({ description: "At most 16 keys" }),
}).meta({ id: "IdentityRequest" });

export const BasicIdentity = z
  .strictObject({ id: Text, url: Text, user_id: Text, display_name: Text, avatar_url: Text })
  .meta({
    id: "BasicIdentity",
    description: "A user as 2.0 and later name her; a sender who is only a name has no ids",
  });

export const IdentityView = z
  .strictObject({
    id: z.string().optional(),
    url: z.string().optional(),
    user_id: z.string(),
    display_name: Text,
    avatar_url: Text,
    first_name: Text,
    last_name: Text,
    phone_number: Text,
    email_address: Text,
    public_key: Text,
    metadata: z.record(z.string(), z.string()).nullable(),
    identity_type: z.enum(["user", "bot"]).optional(),
  })
  .meta({ id: "Identity", description: "1.x has no `id`, `url` and `identity_type`" });

export const DeviceBody = WireDevice.meta({ id: "DeviceRequest" });

export const DeviceView = z
  .strictObject({
    device_id: z.string(),
    url: z.string(),
    user_id: z.string(),
    platform: z.enum(["ios", "android", "web"]),
    kind: z.enum(["fcm_token", "fcm_fid", "apns", "webpush"]),
    environment: z.enum(["production", "development"]),
    app_id: Text.meta({ description: "The bundle or topic that the token belongs to" }),
    locale: Text,
    time_zone: Text,
    app_version: Text,
    registered_at: z.iso.datetime(),
  })
  .meta({ id: "Device" });
