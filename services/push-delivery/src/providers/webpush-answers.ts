import { z } from "zod";
import { type LaneState, retryAfterMs } from "./lane-state.ts";
import type { PushResult } from "./push-provider.ts";

/** What a push service answered; the body cut where it is longer than anything they say. */
export interface PushServiceAnswer {
  readonly status: number;
  readonly location: string | null;
  readonly retryAfter: string | null;
  readonly body: string;
}

/** What one push service said lately to one key pair. */
export interface PushServiceLane {
  readonly state: LaneState;
  /** Whether it ever took a push that this key pair signed. */
  hasAccepted: boolean;
}

const LONGEST_REASON = 120;
const LONGEST_LOCATION = 1_024;
/** What Microsoft's answers with while an app or a channel is throttled. */
const NOT_ACCEPTABLE = 406;

/**
 * The reaction to an answer of a push service (RFC 8030, 5 and 7.3; RFC 8292, 4.2). Notes in `lane` what it means for the
 * pushes to that service after this one; other push services are not concerned.
 */
export function judgeWebPushAnswer(answer: PushServiceAnswer, lane: PushServiceLane): PushResult {
  const { status, location } = answer;
  if (status >= 200 && status < 300) {
    lane.hasAccepted = true;
    lane.state.succeeded();
    return lane.state.tokens.taken(location === null ? null : location.slice(0, LONGEST_LOCATION));
  }
  const said = wordOf(answer.body);
  const reason = said === null ? `status ${status}` : `status ${status}: ${said}`;
  if (status === 404 || status === 410) {
    lane.state.succeeded();
    return lane.state.tokens.gone(reason, null);
  }
  // Apple answers 400 to the signature of another key.
  if (status === 401 || status === 403 || (status === 400 && /vapid|jwt|authoriz/i.test(said ?? ""))) {
    return judgeRefusal(reason, lane);
  }
  if (status === 429 || status === 408 || status === NOT_ACCEPTABLE || status >= 500) {
    return judgeUnavailable(answer, reason, lane.state);
  }
  return { kind: "rejected", reason: status === 413 ? `payload_too_large: ${reason}` : reason };
}

/**
 * A key pair neither expires nor is revoked. So where this push service took its pushes before, the subscription is what
 * is wrong: it was made for another key, and one such browser must not hold up all others. Unless it is many of them.
 */
function judgeRefusal(reason: string, lane: PushServiceLane): PushResult {
  if (lane.hasAccepted && lane.state.tokens.isForeignCredible()) {
    return { kind: "rejected", reason: `subscribed_with_another_key: ${reason}` };
  }
  lane.state.refuse();
  return { kind: "credential-refused", reason };
}

function judgeUnavailable({ status, retryAfter }: PushServiceAnswer, reason: string, state: LaneState): PushResult {
  const told = retryAfterMs(retryAfter);
  state.failed();
  const isLane = status === 429 || told !== null;
  return {
    kind: "unavailable",
    reason,
    retryAfterMs: isLane ? state.pause(reason, told, status === 429) : state.backOffMs(),
    scope: isLane ? "lane" : "push",
    mayHaveArrived: status >= 500 && status !== 503,
  };
}

const Said = z.looseObject({ reason: z.string().optional(), message: z.string().optional() });

/** Apple says `reason`, Mozilla `message`, Google plain text, or a page of HTML that says nothing. */
export function wordOf(body: string): string | null {
  const said = Said.safeParse(parseJson(body)).data;
  const word = said === undefined ? (body.split("\n", 1)[0] ?? "").trim() : (said.reason ?? said.message ?? "");
  return word === "" || word.startsWith("<") ? null : word.slice(0, LONGEST_REASON);
}

function parseJson(body: string): unknown {
  try {
    return JSON.parse(body);
  } catch {
    return null;
  }
}
