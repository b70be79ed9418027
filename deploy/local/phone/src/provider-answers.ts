/** An HTTP answer in a provider's own words. */
export interface Answer {
  readonly status: number;
  readonly headers: Readonly<Record<string, string>>;
  readonly body: string;
}

export type Protocol = "fcm" | "apns" | "webpush";

export interface AnswerDetails {
  readonly retryAfterS?: number | undefined;
  readonly timestampMs?: number | undefined;
}

type FcmRow = readonly [status: number, grpc: string, message: string, fault?: "FcmError" | "token" | "data" | "auth"];

// https://firebase.google.com/docs/reference/fcm/rest/v1/ErrorCode
const FCM = {
  UNREGISTERED: [404, "NOT_FOUND", "Requested entity was not found.", "FcmError"],
  INVALID_ARGUMENT: [400, "INVALID_ARGUMENT", "Request contains an invalid argument.", "data"],
  INVALID_TOKEN: [400, "INVALID_ARGUMENT", "The registration token is not a valid FCM registration token", "token"],
  SENDER_ID_MISMATCH: [403, "PERMISSION_DENIED", "SenderId mismatch", "FcmError"],
  PERMISSION_DENIED: [403, "PERMISSION_DENIED", "Permission 'cloudmessaging.messages.create' denied."],
  THIRD_PARTY_AUTH_ERROR: [401, "UNAUTHENTICATED", "Auth error from APNS or Web Push Service", "FcmError"],
  UNAUTHENTICATED: [401, "UNAUTHENTICATED", "Request had invalid authentication credentials.", "auth"],
  QUOTA_EXCEEDED: [429, "RESOURCE_EXHAUSTED", "Quota exceeded for quota metric 'Messages'.", "FcmError"],
  UNAVAILABLE: [503, "UNAVAILABLE", "The service is currently unavailable.", "FcmError"],
  INTERNAL: [500, "INTERNAL", "Internal error encountered.", "FcmError"],
  PROJECT_NOT_FOUND: [404, "NOT_FOUND", "The project does not exist."],
} as const satisfies Record<string, FcmRow>;

// https://developer.apple.com/documentation/usernotifications/handling-notification-responses-from-apns
const APNS = {
  BadDeviceToken: 400,
  BadCollapseId: 400,
  BadPriority: 400,
  BadTopic: 400,
  DeviceTokenNotForTopic: 400,
  MissingTopic: 400,
  PayloadEmpty: 400,
  ExpiredProviderToken: 403,
  InvalidProviderToken: 403,
  MissingProviderToken: 403,
  BadPath: 404,
  MethodNotAllowed: 405,
  ExpiredToken: 410,
  Unregistered: 410,
  PayloadTooLarge: 413,
  TooManyProviderTokenUpdates: 429,
  TooManyRequests: 429,
  InternalServerError: 500,
  ServiceUnavailable: 503,
  Shutdown: 503,
} as const;

export type FcmReason = keyof typeof FCM;
export type ApnsReason = keyof typeof APNS;
export type Reason = FcmReason | ApnsReason;
export const reasons = [...Object.keys(FCM), ...Object.keys(APNS)] as readonly string[];
export const isReason = (name: string): name is Reason => isFcmReason(name) || isApnsReason(name);
const isFcmReason = (name: string): name is FcmReason => Object.hasOwn(FCM, name);
const isApnsReason = (name: string): name is ApnsReason => Object.hasOwn(APNS, name);

/** Which provider has this word in its vocabulary; no word is in both. */
export const protocolOf = (reason: Reason): Protocol => (isFcmReason(reason) ? "fcm" : "apns");

export const answerFor = (reason: Reason, details: AnswerDetails = {}): Answer =>
  isFcmReason(reason) ? fcmAnswer(reason, details) : apnsAnswer(reason, details);

export function apnsAnswer(reason: ApnsReason, { retryAfterS, timestampMs }: AnswerDetails = {}): Answer {
  const status = APNS[reason];
  const body = status === 410 ? { reason, timestamp: timestampMs ?? Date.now() } : { reason };
  return { status, headers: retryAfter(retryAfterS), body: JSON.stringify(body) };
}

export function fcmAnswer(reason: FcmReason, details: AnswerDetails = {}, field?: string): Answer {
  const [status, grpc, message, fault]: FcmRow = FCM[reason];
  const error = { code: status, message, status: grpc, details: fcmDetails(reason, fault, field) };
  return {
    status,
    headers: { "content-type": "application/json; charset=UTF-8", ...retryAfter(details.retryAfterS) },
    body: JSON.stringify({ error }),
  };
}

const fcmError = (errorCode: string) => ({
  "@type": "type.googleapis.com/google.firebase.fcm.v1.FcmError",
  errorCode,
});
const badRequest = (name: string, description: string) => ({
  "@type": "type.googleapis.com/google.rpc.BadRequest",
  fieldViolations: [{ field: name, description }],
});

function fcmDetails(reason: FcmReason, fault: FcmRow[3], field: string | undefined): unknown[] {
  if (fault === "FcmError") return [fcmError(reason)];
  if (fault === "token") {
    return [fcmError("INVALID_ARGUMENT"), badRequest("message.token", "Invalid registration token")];
  }
  if (fault === "data") return [badRequest(field ?? "message.data[0].value", "Invalid value")];
  if (fault === "auth") {
    const info = { "@type": "type.googleapis.com/google.rpc.ErrorInfo", reason: "ACCESS_TOKEN_EXPIRED" };
    return [{ ...info, domain: "googleapis.com", metadata: { service: "fcm.googleapis.com" } }];
  }
  return [];
}

const retryAfter = (seconds: number | undefined): Record<string, string> =>
  seconds === undefined ? {} : { "retry-after": String(seconds) };
