import { z } from "zod";
import { type DeviceFields, parseDevice, requireDeviceId } from "./devices.ts";
import { requireJsonObject, requireProperties } from "./json-object.ts";
import { parseBySchema } from "./schema-errors.ts";

const Label = z.string().min(1).max(255).nullish();

/** The body of the Client API's `POST /push_tokens`; unknown fields are ignored, and so are those of old servers' use. */
export const PushTokenBody = z.object({
  token: z.string().min(1).max(4096),
  type: z.enum(["apns", "gcm", "fcm"]),
  device_id: z.string().min(1).max(256),
  ios_version: Label,
  apns_bundle_id: Label,
  gcm_sender_id: Label,
  environment: z.enum(["production", "development"]).nullish().meta({ description: "An extension of ours" }),
});

/**
 * Parses a registration in the Client API's words: `gcm` is what FCM was called then.
 * @throws LayerError 400 `invalid_request`; 422 `missing_property` (`token`, `type`, `device_id`); 422 `invalid_property`
 */
export function parsePushToken(body: unknown): { readonly deviceId: string; readonly device: DeviceFields } {
  const fields = requireJsonObject(body);
  requireProperties(fields, ["token", "type", "device_id"]);
  const { token, type, device_id: deviceId, ...rest } = parseBySchema(PushTokenBody, fields);
  const address =
    type === "apns"
      ? { platform: "ios", kind: "apns", app_id: rest.apns_bundle_id }
      : { platform: "android", kind: "fcm_token" };
  const device = parseDevice({ ...address, token, environment: rest.environment }, () => false);
  return { deviceId: requireDeviceId(deviceId), device };
}
