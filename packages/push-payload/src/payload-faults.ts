import type { Notification, NotificationContent } from "@strata/contracts";
import { buildApnsPayload } from "./apns-payload.ts";
import { buildFcmBody } from "./fcm-payload.ts";
import { notificationFor } from "./notification-for.ts";
import { type BuiltPayload, MAX_PAYLOAD_BYTES, type Push } from "./push.ts";
import { pushOf, type PushSubject } from "./push-of.ts";

/** Who delivers a push, and so has a limit to it. */
export type Platform = "apns" | "fcm";

interface Measure {
  readonly limit: number;
  build(push: Push): BuiltPayload<unknown>;
}

/** One more way to push is one more line here. */
const MEASURES: Readonly<Record<Platform, Measure>> = {
  apns: { limit: MAX_PAYLOAD_BYTES, build: buildApnsPayload },
  fcm: { limit: MAX_PAYLOAD_BYTES, build: buildFcmBody },
};
const SMALLEST_LIMIT = Math.min(...Object.values(MEASURES).map(({ limit }) => limit));

export interface PayloadSize {
  /** Null where it could not be made, whatever its length. */
  readonly bytes: number | null;
  readonly limit: number;
  /** Why it would not be taken; null where it would. */
  readonly reason: string | null;
}

/** What would not be taken, of all that a notification says. */
export interface PayloadFault {
  /** Whose override it is; null: what is for all. */
  readonly userId: string | null;
  readonly sizes: Readonly<Record<Platform, PayloadSize>>;
}

const ANY_ID = "00000000-0000-4000-8000-000000000000";
/** What comes with a notification that somebody wrote. */
export type NotifyingKind = Exclude<PushSubject["kind"], "badge">;

const SUBJECTS: Readonly<Record<NotifyingKind, PushSubject>> = {
  announcement: { kind: "announcement", id: ANY_ID },
  message: { kind: "message", id: ANY_ID, conversationId: ANY_ID },
  notification: { kind: "notification", id: ANY_ID },
};
/** As long as badges become: what is unread is known only when it is pushed. */
const ANY_BADGE = 999_999;

/**
 * Looks at what is for all, said to a user with `userId`, then at each override, and names what is too long for a
 * provider, or what none would take. It yields after each, null where there is nothing amiss, so that whoever asks may
 * give way in between; an override that cannot be too long is not built.
 */
export function* payloadFaults(
  kind: NotifyingKind,
  notification: Notification,
  userId: string,
): Generator<PayloadFault | null> {
  const { recipients = {}, ...common } = notification;
  const subject = SUBJECTS[kind];
  const sizes = sizesOf(subject, common, userId);
  yield faultIn(sizes, null);
  const commonBytes = Math.max(...Object.values(sizes).map(({ bytes }) => bytes ?? Number.POSITIVE_INFINITY));
  for (const [overridden, override] of Object.entries(recipients)) {
    if (commonBytes + mostAdded(override, overridden) <= SMALLEST_LIMIT) yield null;
    else yield faultIn(sizesOf(subject, notificationFor(notification, overridden), overridden), overridden);
  }
}

/** Between a silent push and one that is shown: the keys around what it says. */
const FRAME_BYTES = 300;

/**
 * The most that an override can add: FCM has its values as texts inside of texts, in which a quote takes two bytes, and
 * `collapse_id` twice.
 */
const mostAdded = (override: NotificationContent, userId: string): number =>
  2 * (jsonBytes(override) + jsonBytes(userId)) + FRAME_BYTES;

const jsonBytes = (value: unknown): number => Buffer.byteLength(JSON.stringify(value));

function sizesOf(
  subject: PushSubject,
  content: NotificationContent,
  userId: string,
): Readonly<Record<Platform, PayloadSize>> {
  const push = pushOf({ device: { token: "" }, subject, content, userId, ttlSeconds: 0, badge: ANY_BADGE });
  return { apns: sizeOf(MEASURES.apns, push), fcm: sizeOf(MEASURES.fcm, push) };
}

function sizeOf(measure: Measure, push: Push): PayloadSize {
  const built = measure.build(push);
  return { bytes: built.bytes, limit: measure.limit, reason: built.kind === "built" ? null : built.reason };
}

const faultIn = (sizes: Readonly<Record<Platform, PayloadSize>>, userId: string | null): PayloadFault | null =>
  Object.values(sizes).every(({ reason }) => reason === null) ? null : { userId, sizes };
