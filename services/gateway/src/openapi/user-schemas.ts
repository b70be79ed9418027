import {
  BadgeBody as WireBadge,
  DeviceBody as WireDevice,
  IdentityBody as WireIdentity,
  PushTokenBody as WirePushToken,
} from "@strata/layer-protocol";
import { z } from "zod";
import { examples } from "./examples.ts";
import { layerPatch } from "./patch-schemas.ts";

const Text = z.string().nullable();

/** As layer-protocol parses it; its hand-written check of `metadata` is spelled out here. */
export const IdentityBody = WireIdentity.extend({
  metadata: z.record(z.string(), z.string()).nullish().meta({ description: "At most 16 keys" }),
}).meta({
  id: "IdentityRequest",
  example: { display_name: "Ann", avatar_url: "https://example.com/ann.png", metadata: { tier: "gold" } },
});

export const IdentityPatchBody = layerPatch([
  { operation: "set", property: "display_name", value: "Ann" },
  { operation: "set", property: "metadata.tier", value: "gold" },
  { operation: "delete", property: "metadata.trial" },
]);

export const BasicIdentity = z
  .strictObject({ id: Text, url: Text, user_id: Text, display_name: Text, avatar_url: Text })
  .meta({
    id: "BasicIdentity",
    example: examples.basicIdentity,
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
  .meta({ id: "Identity", example: examples.identity, description: "1.x has no `id`, `url` and `identity_type`" });

export const ClientIdentityView = IdentityView.extend({
  metadata: z.record(z.string(), z.string()),
  type: z.enum(["user", "bot"]).meta({ description: "The same as `identity_type`, as clients read it" }),
}).meta({
  id: "ClientIdentity",
  example: { ...examples.identity, metadata: {}, type: "user" },
});

export const UserView = z
  .strictObject({
    id: z.string().meta({ description: "The user id" }),
    identity: IdentityView.nullable().meta({ description: "null for a user who is known by name only" }),
    suspended: z.boolean(),
  })
  .meta({ id: "User", example: examples.user });

const AddBlock = { operation: "add", property: "blocks", id: "layer:///identities/user-2" } as const;
export const BlocksPatchBody = layerPatch([{ operation: "set", property: "blocks", value: [] }, AddBlock]);
export const UserPatchBody = layerPatch([AddBlock, { operation: "set", property: "suspended", value: true }]);

export const BlockBody = z
  .object({ user_id: z.string().min(1).max(128) })
  .meta({ id: "BlockRequest", example: { user_id: "user-2" } });

export const BlocksView = z
  .union([z.array(BasicIdentity), z.array(z.strictObject({ user_id: z.string() }))])
  .meta({ description: "Identities; in 1.x objects with the user id alone", example: [examples.basicIdentity] });

export const FollowingBody = z
  .array(z.string())
  .meta({ description: "Identity URIs, or user ids", example: ["layer:///identities/user-2"] });

export const FollowingView = z.array(z.string()).meta({ example: ["layer:///identities/user-2"] });

export const BadgeBody = WireBadge.meta({ id: "BadgeRequest", example: { external_unread_count: 4 } });

const Count = z.int().min(0);
export const BadgeView = z
  .strictObject({ external_unread_count: Count, unread_conversation_count: Count, unread_message_count: Count })
  .meta({
    id: "Badge",
    example: { external_unread_count: 4, unread_conversation_count: 2, unread_message_count: 9 },
  });

export const DeviceBody = WireDevice.meta({
  id: "DeviceRequest",
  example: { platform: "android", kind: "fcm_token", token: "abc:def", app_id: "com.example.shop", locale: "de-AT" },
});

export const PushTokenBody = WirePushToken.meta({
  id: "PushTokenRequest",
  example: { token: "a1b2c3d4", type: "apns", device_id: "phone-1", apns_bundle_id: "com.example.shop" },
});

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
  .meta({ id: "Device", example: examples.device });
