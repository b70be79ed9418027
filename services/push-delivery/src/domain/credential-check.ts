import type { PushCredential } from "@strata/contracts";
import type { ProviderAnswer } from "../providers/provider-answer.ts";

/** What an answer to a push that no phone can get says about the credential that it was sent with. */
export type CheckResult =
  | { readonly kind: "proved" }
  /** The provider does not take it; `property` is what of it seems wrong, as the API names it. */
  | { readonly kind: "refused"; readonly property: string; readonly reason: string }
  /** The provider did not get to judging it. */
  | { readonly kind: "unavailable"; readonly reason: string };

type Kind = PushCredential["kind"];

/** A VAPID pair is held against itself where it comes in: no push service knows it before a browser has subscribed with it. */
export type AskedKind = Exclude<Kind, "webpush">;

/** Right in form, and of no phone: APNs' tokens are 32 bytes or more, FCM's are what it hands out itself. */
export const CHECK_TOKEN: Readonly<Record<AskedKind, string>> = {
  fcm: "strata-credential-check",
  apns: "0".repeat(64),
};

const WHOLE: Readonly<Record<AskedKind, string>> = { fcm: "service_account", apns: "private_key" };
const TOPIC_REASONS = new Set(["BadTopic", "MissingTopic", "TopicDisallowed"]);

/**
 * FCM looks at the project and its permission before the token, and APNs at the key before topic and token. So a complaint
 * about the token proves the credential, and whatever comes before it refuses it.
 */
export function judgeCheck(kind: AskedKind, answer: ProviderAnswer): CheckResult {
  if (answer.kind === "refused") return { kind: "refused", property: WHOLE[kind], reason: answer.reason };
  if (answer.kind !== "answered") return { kind: "unavailable", reason: answer.reason };
  const reason = answer.reason ?? "";
  // What ExpiredProviderToken says of a token that was signed this moment: our clock is wrong, not the key.
  if (answer.status === 429 || answer.status >= 500 || reason === "ExpiredProviderToken") {
    return { kind: "unavailable", reason };
  }
  const property = kind === "fcm" ? fcmFault(answer.status, reason) : apnsFault(answer.status, reason);
  return property === null ? { kind: "proved" } : { kind: "refused", property, reason };
}

function fcmFault(status: number, reason: string): string | null {
  if (status === 401) return "service_account";
  if (status === 404 && reason.startsWith("UNREGISTERED")) return null;
  return status === 403 || status === 404 ? "service_account.project_id" : null;
}

function apnsFault(status: number, reason: string): string | null {
  if (TOPIC_REASONS.has(reason)) return "bundle_id";
  if (reason.startsWith("BadEnvironment") || reason === "BadCertificateEnvironment") return "environment";
  return status === 403 ? "private_key" : null;
}
