import { retryAfterMs, type LaneState } from "./lane-state.ts";
import { type ProviderAnswer, unasked } from "./provider-answer.ts";
import type { PushResult } from "./push-provider.ts";

/** What came of one request to APNs. */
export type ApnsAnswer =
  | { readonly kind: "accepted" }
  | {
      readonly kind: "answered";
      readonly status: number;
      readonly reason: string;
      readonly timestamp: number | null;
      readonly retryAfter: unknown;
    }
  /** No answer. `isUnprocessed`: APNs certainly did not take it, so sending it again can not repeat it. */
  | {
      readonly kind: "unanswered";
      readonly reason: string;
      readonly isUnprocessed: boolean;
      readonly isConnected: boolean;
    };

type Answered = Extract<ApnsAnswer, { kind: "answered" }>;

// APNs punishes more than one new token per 20 minutes: https://developer.apple.com/forums/thread/674772
const NEW_TOKEN_INTERVAL_MS = 20 * 60_000;
const DEVICE_BACK_OFF_MS = 60_000;
const MISCONFIGURED = new Set([
  "BadTopic",
  "TopicDisallowed",
  "MissingTopic",
  "BadCertificate",
  "BadCertificateEnvironment",
]);

/**
 * The reaction to an answer, as reference/performance-reliability.md B2 has them. ExpiredProviderToken is left to the caller the first
 * time (a new token, once); here it is final. Notes in `lane` what the answer means for the pushes after this one.
 */
export function judgeApnsAnswer(answer: ApnsAnswer, lane: LaneState, apnsId: string): PushResult {
  if (answer.kind === "accepted") {
    lane.succeeded();
    return lane.tokens.taken(apnsId);
  }
  if (answer.kind === "unanswered") return judgeSilence(answer, lane);
  const { status, reason, timestamp } = answer;
  if (status === 410) {
    lane.succeeded();
    return lane.tokens.gone(reason, timestamp === null ? null : new Date(timestamp));
  }
  if (reason === "BadDeviceToken" || reason === "DeviceTokenNotForTopic") return judgeTokenFault(reason, lane);
  if (status === 403 || MISCONFIGURED.has(reason)) {
    lane.refuse(reason === "ExpiredProviderToken" ? NEW_TOKEN_INTERVAL_MS : undefined);
    return { kind: "credential-refused", reason };
  }
  if (status === 429 || status >= 500) return judgeUnavailable(answer, lane);
  return { kind: "rejected", reason };
}

/** What APNs said, word by word, with nothing made of it. */
export function apnsWord(answer: ApnsAnswer, apnsId: string): ProviderAnswer {
  if (answer.kind === "unanswered") return unasked("unanswered", answer.reason);
  if (answer.kind === "accepted") return { kind: "answered", status: 200, reason: null, providerId: apnsId };
  return { kind: "answered", status: answer.status, reason: answer.reason, providerId: apnsId };
}

function judgeTokenFault(reason: string, lane: LaneState): PushResult {
  const result = lane.tokens.malformed(reason);
  if (result.kind === "credential-refused") lane.refuse();
  return result;
}

function judgeUnavailable({ status, reason, retryAfter }: Answered, lane: LaneState): PushResult {
  const told = retryAfterMs(retryAfter);
  const unavailable = (waitMs: number, scope: "lane" | "push"): PushResult => ({
    kind: "unavailable",
    reason,
    retryAfterMs: waitMs,
    scope,
    mayHaveArrived: status === 500,
  });
  if (reason === "TooManyProviderTokenUpdates")
    return unavailable(lane.pause(reason, NEW_TOKEN_INTERVAL_MS, false), "lane");
  // One device's own limit: the others are none the worse for it.
  if (reason === "TooManyRequests") {
    lane.succeeded();
    return unavailable(told ?? DEVICE_BACK_OFF_MS, "push");
  }
  lane.failed();
  if (told !== null || status === 429) return unavailable(lane.pause(reason, told, status === 429), "lane");
  return unavailable(lane.backOffMs(), "push");
}

function judgeSilence(answer: Extract<ApnsAnswer, { kind: "unanswered" }>, lane: LaneState): PushResult {
  lane.failed();
  const { reason, isUnprocessed, isConnected } = answer;
  // Without a connection every further push would only dial once more.
  const scope = isConnected ? "push" : "lane";
  return { kind: "unavailable", reason, retryAfterMs: lane.backOffMs(), scope, mayHaveArrived: !isUnprocessed };
}
