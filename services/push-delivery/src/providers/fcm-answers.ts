import { z } from "zod";
import type { HttpAnswer } from "./fcm-session.ts";
import { retryAfterMs, type LaneState } from "./lane-state.ts";
import type { ProviderAnswer } from "./provider-answer.ts";
import type { PushResult } from "./push-provider.ts";

type Answered = Extract<HttpAnswer, { kind: "answered" }>;

const Accepted = z.looseObject({ name: z.string() });
const Detail = z.looseObject({
  "@type": z.string(),
  errorCode: z.string().optional(),
  fieldViolations: z.array(z.looseObject({ field: z.string().optional() })).optional(),
});
const Refused = z.looseObject({
  error: z.looseObject({
    status: z.string().optional(),
    message: z.string().default(""),
    details: z.array(Detail).default([]),
  }),
});

/**
 * The reaction to an answer of FCM, as reference/performance-reliability.md B2 has them. A 401 is left to the caller the first time (a
 * new access token, once); here it is final. Notes in `lane` what the answer means for the pushes after this one.
 */
export function judgeFcmAnswer(answer: Answered, lane: LaneState): PushResult {
  const { status, body } = answer;
  if (status === 200) {
    lane.succeeded();
    return lane.tokens.taken(Accepted.safeParse(parseJson(body)).data?.name ?? null);
  }
  const fault = faultOf(body);
  const reason = fault.errorCode ?? fault.status ?? `status ${status}`;
  // Only with FCM's own word for it: any other 404 is a wrong project or address, and no reason to forget a token.
  if (status === 404 && fault.errorCode === "UNREGISTERED") {
    lane.succeeded();
    return lane.tokens.gone(reason, null);
  }
  if (status === 401 || status === 403 || status === 404) {
    lane.refuse();
    return { kind: "credential-refused", reason };
  }
  if (status === 429 || status === 408 || status >= 500) return judgeUnavailable(answer, reason, lane);
  if (fault.isAboutToken) return judgeTokenFault(reason, lane);
  return { kind: "rejected", reason: fault.field === null ? reason : `${reason}: ${fault.field}` };
}

/** What FCM said, word by word, with nothing made of it. */
export function fcmWord({ status, body }: Answered): ProviderAnswer {
  if (status === 200) {
    const { name: providerId = null } = Accepted.safeParse(parseJson(body)).data ?? {};
    return { kind: "answered", status, reason: null, providerId };
  }
  const { errorCode, status: grpcStatus, message } = faultOf(body);
  const word = errorCode ?? grpcStatus;
  const reason = word === null ? `status ${status}` : message === "" ? word : `${word}: ${message}`;
  return { kind: "answered", status, reason, providerId: null };
}

function judgeTokenFault(reason: string, lane: LaneState): PushResult {
  const result = lane.tokens.malformed(reason);
  if (result.kind === "credential-refused") lane.refuse();
  return result;
}

function judgeUnavailable({ status, retryAfter }: Answered, reason: string, lane: LaneState): PushResult {
  const told = retryAfterMs(retryAfter);
  lane.failed();
  const isLane = status === 429 || told !== null;
  return {
    kind: "unavailable",
    reason,
    retryAfterMs: isLane ? lane.pause(reason, told, status === 429) : lane.backOffMs(),
    scope: isLane ? "lane" : "push",
    mayHaveArrived: status === 500,
  };
}

interface Fault {
  readonly status: string | null;
  readonly errorCode: string | null;
  readonly message: string;
  readonly field: string | null;
  readonly isAboutToken: boolean;
}

function faultOf(body: string): Fault {
  const parsed = Refused.safeParse(parseJson(body));
  if (!parsed.success) return { status: null, errorCode: null, message: "", field: null, isAboutToken: false };
  const { status = null, message, details } = parsed.data.error;
  const errorCode = details.find((detail) => detail["@type"].endsWith("FcmError"))?.errorCode ?? null;
  const fields = details.flatMap(({ fieldViolations = [] }) => fieldViolations.map(({ field }) => field));
  const isTokenField = fields.some((field) => field === "message.token" || field === "message.fid");
  // Some answers name no field; this text is then all that tells a bad token from a bad payload.
  const isTokenText = fields.length === 0 && /not a valid FCM registration token/i.test(message);
  return {
    status,
    errorCode,
    message,
    field: fields.find((field) => field !== undefined) ?? null,
    isAboutToken: errorCode === "INVALID_ARGUMENT" && (isTokenField || isTokenText),
  };
}

function parseJson(body: string): unknown {
  try {
    return JSON.parse(body);
  } catch {
    return null;
  }
}
