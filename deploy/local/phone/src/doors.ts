import { randomUUID } from "node:crypto";
import { z } from "zod";
import type { BearerTokens } from "./bearer-tokens.ts";
import type { ReceivedPush } from "./device-book.ts";
import { apnsAnswer, fcmAnswer, type Answer, type ApnsReason, type FcmReason } from "./provider-answers.ts";

export type Headers = Readonly<Record<string, string | readonly string[] | undefined>>;

/** Whether a request was well made: the push that it carries, with the answer if no fault is scripted, or why it was refused. */
export type Verdict =
  | { readonly kind: "refused"; readonly answer: Answer; readonly reason: string }
  | {
      readonly kind: "push";
      readonly token: string;
      readonly push: ReceivedPush;
      readonly answer: Answer;
      readonly isDryRun: boolean;
    };

const MAX_PAYLOAD_BYTES = 4_096;
const Text = z.string().nullish();
const text = (value: unknown): string | null => (typeof value === "string" ? value : null);
const header = (headers: Headers, name: string): string | undefined => {
  const value = headers[name];
  return typeof value === "string" ? value : undefined;
};

const ApnsPayload = z.looseObject({
  aps: z
    .looseObject({ alert: z.union([z.string(), z.looseObject({ title: Text, body: Text })]).optional() })
    .default({}),
  strata: z.looseObject({ announcement_id: Text, user_id: Text }).default({}),
});
const HEX_TOKEN = /^(?:[0-9a-f]{2}){32,100}$/i;
/** Well formed and of no device: with what a credential can be tried without any phone getting a push. */
const NO_DEVICE = /^0+$/;
const APNS_HEADERS = [
  "apns-id",
  "apns-topic",
  "apns-collapse-id",
  "apns-expiration",
  "apns-priority",
  "apns-push-type",
];

const apnsRefusal = (reason: ApnsReason): Verdict => ({ kind: "refused", reason, answer: apnsAnswer(reason) });

/** Apple's door: what APNs checks of `POST /3/device/:token`, in its order. */
export async function apnsDoor(
  tokens: BearerTokens,
  { token, headers, body }: { readonly token: string; readonly headers: Headers; readonly body: string },
): Promise<Verdict> {
  const verdict = await tokens.apnsVerdict(header(headers, "authorization"));
  if (verdict !== "ok") return apnsRefusal(verdict);
  if (!HEX_TOKEN.test(token)) return apnsRefusal("BadDeviceToken");
  if (header(headers, "apns-topic") === undefined) return apnsRefusal("MissingTopic");
  const collapseId = header(headers, "apns-collapse-id") ?? null;
  if (collapseId !== null && Buffer.byteLength(collapseId) > 64) return apnsRefusal("BadCollapseId");
  if (Buffer.byteLength(body) > MAX_PAYLOAD_BYTES) return apnsRefusal("PayloadTooLarge");
  const parsed = ApnsPayload.safeParse(parseJson(body));
  if (!parsed.success) return apnsRefusal("PayloadEmpty");
  const { aps, strata } = parsed.data;
  const isBackground = header(headers, "apns-push-type") === "background";
  if (isBackground && header(headers, "apns-priority") !== "5") return apnsRefusal("BadPriority");
  const id = header(headers, "apns-id") ?? randomUUID().toUpperCase();
  const alert = typeof aps.alert === "string" ? { title: null, body: aps.alert } : aps.alert;
  const push: ReceivedPush = {
    id,
    protocol: "apns",
    received_at: new Date().toISOString(),
    collapse_id: collapseId,
    silent: alert === undefined,
    title: text(alert?.title),
    text: text(alert?.body),
    announcement_id: text(strata.announcement_id),
    user_id: text(strata.user_id),
    headers: pick(headers, APNS_HEADERS),
    payload: parsed.data,
  };
  if (NO_DEVICE.test(token)) return { kind: "push", token, push, isDryRun: true, answer: apnsAnswer("BadDeviceToken") };
  return { kind: "push", token, push, isDryRun: false, answer: { status: 200, headers: { "apns-id": id }, body: "" } };
}

const FcmRequest = z.object({
  validate_only: z.boolean().default(false),
  message: z.looseObject({
    token: z.string().min(1).optional(),
    fid: z.string().min(1).optional(),
    data: z.record(z.string(), z.unknown()).default({}),
    notification: z.looseObject({ title: Text, body: Text }).optional(),
    android: z
      .looseObject({
        collapse_key: Text,
        notification: z.looseObject({ tag: Text, title: Text, body: Text }).optional(),
      })
      .optional(),
  }),
});
const RESERVED_DATA_KEY = /^(?:from|message_type|google\..*|gcm\..*)$/;

const fcmRefusal = (reason: FcmReason, field?: string): Verdict => ({
  kind: "refused",
  reason,
  answer: fcmAnswer(reason, {}, field),
});

/** Google's door: what FCM checks of `POST /v1/projects/:project/messages:send`. */
export function fcmDoor(
  tokens: BearerTokens,
  { projectId, headers, body }: { readonly projectId: string; readonly headers: Headers; readonly body: string },
): Verdict {
  const access = tokens.accessToken(header(headers, "authorization"));
  if (access === null) return fcmRefusal("UNAUTHENTICATED");
  if (access.projectId !== null && access.projectId !== projectId) return fcmRefusal("PERMISSION_DENIED");
  const parsed = FcmRequest.safeParse(parseJson(body));
  if (!parsed.success) return fcmRefusal("INVALID_ARGUMENT", parsed.error.issues[0]?.path.join("."));
  const { message, validate_only: isDryRun } = parsed.data;
  const { data, notification, android } = message;
  const token = message.token ?? message.fid;
  if (token === undefined) return fcmRefusal("INVALID_TOKEN");
  for (const [key, value] of Object.entries(data)) {
    if (typeof value !== "string" || RESERVED_DATA_KEY.test(key))
      return fcmRefusal("INVALID_ARGUMENT", `message.data[${key}]`);
  }
  const counted = { data, notification, android: android?.notification };
  if (Buffer.byteLength(JSON.stringify(counted)) > MAX_PAYLOAD_BYTES) return fcmRefusal("INVALID_ARGUMENT", "message");
  const name = `projects/${projectId}/messages/${isDryRun ? "fake_message_id" : `0:${Date.now()}%${randomUUID()}`}`;
  const push: ReceivedPush = {
    id: name,
    protocol: "fcm",
    received_at: new Date().toISOString(),
    // The tag is what replaces a notification in Android's drawer; an app that draws its own goes by its data.
    collapse_id: text(android?.notification?.tag) ?? text(data["collapse_id"]) ?? text(android?.collapse_key),
    silent: notification === undefined && android?.notification === undefined,
    title: text(android?.notification?.title ?? notification?.title),
    text: text(android?.notification?.body ?? notification?.body),
    announcement_id: text(data["announcement_id"]),
    user_id: text(data["user_id"]),
    headers: {},
    payload: message,
  };
  const answer = { status: 200, headers: { "content-type": "application/json" }, body: JSON.stringify({ name }) };
  return { kind: "push", token, push, answer, isDryRun };
}

const json = (status: number, value: unknown): Answer => ({
  status,
  headers: { "content-type": "application/json" },
  body: JSON.stringify(value),
});

/** Google's token endpoint: a service account's signed assertion for an access token. */
export async function tokenDoor(tokens: BearerTokens, body: string): Promise<Answer> {
  const form = new URLSearchParams(body);
  if (form.get("grant_type") !== "urn:ietf:params:oauth:grant-type:jwt-bearer") {
    return json(400, { error: "unsupported_grant_type", error_description: "Invalid grant_type" });
  }
  const exchanged = await tokens.exchange(form.get("assertion") ?? "");
  if ("refused" in exchanged) return json(400, { error: "invalid_grant", error_description: exchanged.refused });
  const { accessToken, expiresIn } = exchanged;
  return json(200, { access_token: accessToken, expires_in: expiresIn, token_type: "Bearer" });
}

function parseJson(body: string): unknown {
  try {
    return JSON.parse(body);
  } catch {
    return null;
  }
}

function pick(headers: Headers, names: readonly string[]): Record<string, string> {
  const picked: Record<string, string> = {};
  for (const name of names) {
    const value = header(headers, name);
    if (value !== undefined) picked[name] = value;
  }
  return picked;
}
