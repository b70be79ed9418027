import { Buffer } from "node:buffer";
import { createPublicKey } from "node:crypto";
import { z } from "zod";
import { invalidProperty } from "./errors.ts";
import { isStorableKey, requireJsonObject, requireProperties } from "./json-object.ts";
import { parseBySchema } from "./schema-errors.ts";
import { formatTime } from "./timestamps.ts";
import { userUrl } from "./urls.ts";
import type { WireContext } from "./urls.ts";

/** How one device is reached by push. */
export interface DeviceFields {
  platform: "ios" | "android" | "web";
  kind: "fcm_token" | "fcm_fid" | "apns" | "webpush";
  token: string;
  environment: "production" | "development";
  /** The bundle or topic the token belongs to; on the wire `app_id`. */
  appBundle: string | null;
  locale: string | null;
  timeZone: string | null;
  appVersion: string | null;
  /** Of a browser's subscription, whose token is its endpoint; in base64url. */
  webPushKeys?: { p256dh: string; auth: string } | undefined;
}

const KINDS_BY_PLATFORM: Readonly<Record<DeviceFields["platform"], readonly DeviceFields["kind"][]>> = {
  ios: ["apns", "fcm_token", "fcm_fid"],
  android: ["fcm_token", "fcm_fid"],
  web: ["webpush", "fcm_token", "fcm_fid"],
};

const Label = z.string().min(1).max(255).nullish();

/** Java and iOS write `de_AT`, the standard `de-AT`. */
const Locale = Label.refine((tag) => isNullOr(tag, (text) => Intl.getCanonicalLocales(text.replaceAll("_", "-"))), {
  message: "expected a BCP 47 language tag",
});
/** Intl takes "+01:00" too, which is no zone: it knows no summer. */
const TimeZone = Label.refine(
  (zone) => !/^[+-]/.test(zone ?? "") && isNullOr(zone, (text) => Intl.DateTimeFormat("en", { timeZone: text })),
  { message: "expected the name of a time zone, such as Europe/Vienna" },
);

/** A browser's `PushSubscription`, as `toJSON` gives it. */
const Subscription = z.object({
  endpoint: z.string().min(1).max(2048),
  keys: z.object({ p256dh: z.string().min(1).max(128), auth: z.string().min(1).max(64) }),
});

/** Whether `attempt` takes the text; Intl has no other way to ask. */
function isNullOr(text: string | null | undefined, attempt: (text: string) => unknown): boolean {
  if (text === null || text === undefined) return true;
  try {
    attempt(text);
    return true;
  } catch {
    return false;
  }
}

/** The body of `PUT /apps/:app/users/:user/devices/:device`, an extension; unknown fields are ignored. */
export const DeviceBody = z.object({
  platform: z.enum(["ios", "android", "web"]),
  kind: z.enum(["fcm_token", "fcm_fid", "apns", "webpush"]),
  token: z.union([z.string().min(1).max(4096), z.looseObject({})]).meta({
    description: "Of webpush the browser's PushSubscription, as JSON or in a string",
  }),
  environment: z.enum(["production", "development"]).nullish(),
  app_id: Label,
  locale: Locale,
  time_zone: TimeZone,
  app_version: Label,
});

/** Whether a URL is that of a push service that may be called. */
type IsPushService = (endpoint: string) => boolean;

/**
 * Parses a device registration. `environment` defaults to production; an APNs token is hex and comes out in lower
 * case, so that one phone is one token however a client writes it. Of a browser's subscription the endpoint is the token.
 * @throws LayerError 400 `invalid_request`; 422 `missing_property` (`platform`, `kind`, `token`); 422
 * `invalid_property`, also for a kind the platform does not have, and for an endpoint at no push service
 */
export function parseDevice(body: unknown, isPushService: IsPushService): DeviceFields {
  const fields = requireJsonObject(body);
  requireProperties(fields, ["platform", "kind", "token"]);
  const device = parseBySchema(DeviceBody, fields);
  const kinds = KINDS_BY_PLATFORM[device.platform];
  if (!kinds.includes(device.kind)) {
    throw invalidProperty("kind", `must be one of ${kinds.join(", ")} on ${device.platform}`);
  }
  return {
    platform: device.platform,
    kind: device.kind,
    ...parseAddress(device.kind, device.token, isPushService),
    environment: device.environment ?? "production",
    appBundle: device.app_id ?? null,
    locale: device.locale === null || device.locale === undefined ? null : canonicalLocale(device.locale),
    timeZone: device.time_zone ?? null,
    appVersion: device.app_version ?? null,
  };
}

type Address = Pick<DeviceFields, "token" | "webPushKeys">;

function parseAddress(kind: DeviceFields["kind"], token: string | object, isPushService: IsPushService): Address {
  if (kind === "webpush") return parseSubscription(token, isPushService);
  if (typeof token !== "string") throw invalidProperty("token", `of ${kind} must be a string`);
  return { token: kind === "apns" ? parseApnsToken(token) : requireStorableToken(token) };
}

function parseSubscription(token: string | object, isPushService: IsPushService): Address {
  const { endpoint, keys } = parseBySchema(Subscription, typeof token === "string" ? parseJson(token) : token, "token");
  if (!isPushService(endpoint)) throw invalidProperty("token.endpoint", "must be that of a known push service");
  const { p256dh, auth } = { p256dh: bytesOf(keys.p256dh), auth: bytesOf(keys.auth) };
  if (!isPoint(p256dh)) throw invalidProperty("token.keys.p256dh", "must be a P-256 public key of 65 bytes, base64url");
  if (auth.length !== AUTH_BYTES) throw invalidProperty("token.keys.auth", `must be ${AUTH_BYTES} bytes, base64url`);
  const webPushKeys = { p256dh: p256dh.toString("base64url"), auth: auth.toString("base64url") };
  // As URLs are written: one browser is one token, however its endpoint was.
  return { token: requireStorableToken(new URL(endpoint).href), webPushKeys };
}

const AUTH_BYTES = 16;
const POINT_BYTES = 65;
const COORDINATE_BYTES = 32;

/** Some clients use the other alphabet. What is no base64 gives another length. */
const bytesOf = (text: string): Buffer =>
  /^[\w+/-]*=*$/.test(text) ? Buffer.from(text, "base64url") : Buffer.alloc(0);

/** An uncompressed point that lies on the curve: a push to any other fails each time it is encrypted. */
function isPoint(bytes: Buffer): boolean {
  if (bytes.length !== POINT_BYTES || bytes[0] !== 4) return false;
  const coordinate = (at: number): string => bytes.toString("base64url", at, at + COORDINATE_BYTES);
  try {
    const key = { kty: "EC", crv: "P-256", x: coordinate(1), y: coordinate(1 + COORDINATE_BYTES) };
    return createPublicKey({ key, format: "jwk" }).asymmetricKeyType === "ec";
  } catch {
    return false;
  }
}

function parseJson(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    throw invalidProperty("token", "of webpush must be the JSON of a PushSubscription");
  }
}

function parseApnsToken(token: string): string {
  if (!/^([0-9a-f]{2})+$/i.test(token)) throw invalidProperty("token", "of APNs must be hexadecimal");
  return token.toLowerCase();
}

function requireStorableToken(token: string): string {
  if (!isStorableKey(token)) throw invalidProperty("token", "has characters no token has");
  return token;
}

const canonicalLocale = (tag: string): string => Intl.getCanonicalLocales(tag.replaceAll("_", "-"))[0] ?? tag;

/**
 * A device id from a path, already decoded by the router: the app's own word for one installation.
 * @throws LayerError 422 `invalid_property` `device_id`
 */
export function requireDeviceId(text: string): string {
  if (text.length < 1 || text.length > 256 || !isStorableKey(text)) {
    throw invalidProperty("device_id", "must have 1 to 256 characters");
  }
  return text;
}

/** A registered device on the wire. The token is left out: it is a credential, and who registered it has it. */
export const deviceView = (
  wire: WireContext,
  device: DeviceFields & { userId: string; deviceId: string; registeredAt: number },
) => ({
  device_id: device.deviceId,
  url: `${userUrl(wire, device.userId)}/devices/${encodeURIComponent(device.deviceId)}`,
  user_id: device.userId,
  platform: device.platform,
  kind: device.kind,
  environment: device.environment,
  app_id: device.appBundle,
  locale: device.locale,
  time_zone: device.timeZone,
  app_version: device.appVersion,
  registered_at: formatTime(device.registeredAt),
});
