import { below } from "./below.ts";
import { invalidProperty, invalidRequest, missingProperty } from "./errors.ts";
import { isAbsent, isJsonObject, requireJsonObject, requireProperties } from "./json-object.ts";
import type { JsonObject } from "./json-object.ts";
import { parseInlineParts, requirePartProperties } from "./message-parts.ts";
import type { MessagePart, PartLimits } from "./message-parts.ts";
import { parseNotification } from "./notification.ts";
import type { NormalisedNotification } from "./notification.ts";
import { parseMessageSender, requireSender } from "./senders.ts";
import type { Sender } from "./senders.ts";
import { parseTime } from "./start-times.ts";
import type { LayerVersion } from "./versions.ts";

/** A message that a conversation sends by itself. */
export interface SystemMessage {
  sender: Sender;
  parts: MessagePart[];
  notification: NormalisedNotification | null;
}

type Closing = { expiresAt: number } | { ttlMs: number };

export interface Warning {
  beforeMs: number;
  message: SystemMessage;
}

/** What a new conversation does by itself (an extension). Times: milliseconds. */
export interface NewConversationTerms {
  /** null: it opens at once. */
  opensAt: number | null;
  iceBreaker: SystemMessage[];
  /** null: it never closes. */
  closing: Closing | null;
  graceMs: number;
  warning: Warning | null;
  visibleHistory: "all" | "from-joining";
}

/** What is to be other than before; what is absent stays, null takes away. */
export interface ScheduleChange {
  opensAt?: number | null;
  iceBreaker?: SystemMessage[];
  closing?: Closing | null;
  graceMs?: number;
  warning?: Warning | null;
}

interface Reading extends PartLimits {
  readonly version: LayerVersion;
  readonly now: number;
}

const MAX_ICE_BREAKERS = 12;
const MAX_SECONDS = 400 * 86_400;
/** Where nothing is said of it: a day. */
const USUAL_GRACE_MS = 86_400_000;
const HISTORIES = { all: "all", from_joining: "from-joining" } as const;

const NAMES = [
  "opens_at",
  "ice_breaker",
  "expires_at",
  "ttl_seconds",
  "grace_seconds",
  "warning",
  "visible_history",
] as const;

/**
 * Parses what the body of `POST /apps/:app/conversations` asks to happen by itself; null where it asks for nothing.
 * @throws LayerError 422 `missing_property` or `invalid_property` with the path of what is wrong
 */
export function parseConversationTerms(fields: JsonObject, reading: Reading): NewConversationTerms | null {
  if (NAMES.every((name) => isAbsent(fields[name]))) return null;
  const visibleHistory = parseVisibleHistory(fields.visible_history);
  const opensAt = parseOpening(fields.opens_at, reading.now);
  const closing = parseClosing(fields, reading.now);
  const graceMs = isAbsent(fields.grace_seconds) ? USUAL_GRACE_MS : seconds(fields.grace_seconds, "grace_seconds", 0);
  const warning = parseWarning(fields.warning, reading);
  const iceBreaker = isAbsent(fields.ice_breaker) ? [] : parseIceBreaker(fields.ice_breaker, reading);
  requireSound(fields, { opensAt, closing, warning, now: reading.now });
  return { opensAt, iceBreaker, closing, graceMs, warning, visibleHistory };
}

/**
 * Parses the body of `PATCH /apps/:app/conversations/:id/schedule`, an extension: a JSON object, no Layer-Patch. Whether it
 * goes with what stays is the conversation's owner's to say.
 * @throws LayerError 400 `invalid_request` for what changes nothing; 422 with the path of what is wrong
 */
export function parseScheduleChange(body: unknown, reading: Reading): ScheduleChange {
  const fields = requireJsonObject(body);
  if ("visible_history" in fields) throw invalidProperty("visible_history", "cannot be changed");
  const closing = parseClosing(fields, reading.now);
  const change: ScheduleChange = {
    ...("opens_at" in fields ? { opensAt: parseOpening(fields.opens_at, reading.now) } : {}),
    ...("ice_breaker" in fields ? { iceBreaker: parseIceBreaker(fields.ice_breaker ?? [], reading) } : {}),
    ...("expires_at" in fields || "ttl_seconds" in fields ? { closing } : {}),
    ...(isAbsent(fields.grace_seconds) ? {} : { graceMs: seconds(fields.grace_seconds, "grace_seconds", 0) }),
    ...("warning" in fields ? { warning: parseWarning(fields.warning, reading) } : {}),
  };
  if (Object.keys(change).length === 0) throw invalidRequest("The body names nothing to change");
  return change;
}

function parseVisibleHistory(value: unknown): NewConversationTerms["visibleHistory"] {
  if (isAbsent(value)) return "all";
  if (value !== "all" && value !== "from_joining") {
    throw invalidProperty("visible_history", 'must be "all" or "from_joining"');
  }
  return HISTORIES[value];
}

/** What is over is at once, as a start of an announcement is: a request that is repeated later is still the same one. */
const parseOpening = (value: unknown, now: number): number | null =>
  isAbsent(value) ? null : parseTime(value, "opens_at", now);

function parseClosing({ expires_at: expiresAt, ttl_seconds: ttl }: JsonObject, now: number): Closing | null {
  if (isAbsent(expiresAt)) return isAbsent(ttl) ? null : { ttlMs: seconds(ttl, "ttl_seconds", 1) };
  if (!isAbsent(ttl)) throw invalidProperty("ttl_seconds", "cannot go with expires_at: both say when it closes");
  const at = parseTime(expiresAt, "expires_at", now);
  if (at <= now) throw invalidProperty("expires_at", "must be later than now");
  return { expiresAt: at };
}

/** @throws LayerError 422 `missing_property` or `invalid_property` below `path` */
export function parseWarning(warning: unknown, reading: Reading, path = "warning"): Warning | null {
  if (isAbsent(warning)) return null;
  if (!isJsonObject(warning)) throw invalidProperty(path, "must be an object");
  if (isAbsent(warning.before_seconds)) throw missingProperty(`${path}.before_seconds`);
  const beforeMs = seconds(warning.before_seconds, `${path}.before_seconds`, 1);
  return { beforeMs, message: parseSystemMessage(warning, path, reading) };
}

function parseIceBreaker(value: unknown, reading: Reading): SystemMessage[] {
  const messages: readonly unknown[] = Array.isArray(value) ? value : [value];
  if (messages.length > MAX_ICE_BREAKERS) {
    throw invalidProperty("ice_breaker", `must have at most ${MAX_ICE_BREAKERS} messages`);
  }
  return messages.map((message) => parseSystemMessage(message, "ice_breaker", reading));
}

/** Content belongs to a conversation that is there, so its parts are inline. */
function parseSystemMessage(fields: unknown, path: string, { version, ...limits }: Reading): SystemMessage {
  if (!isJsonObject(fields)) throw invalidProperty(path, "must be a message");
  return below(path, () => {
    requireSender(version, fields);
    requireProperties(fields, ["parts"]);
    requirePartProperties(fields.parts);
    const parts = parseInlineParts(fields.parts, limits);
    const sender = parseMessageSender(version, fields);
    return { sender, parts, notification: parseNotification(version, fields.notification) };
  });
}

interface Sounding extends Pick<NewConversationTerms, "opensAt" | "closing" | "warning"> {
  readonly now: number;
}

function requireSound(fields: JsonObject, { opensAt, closing, warning, now }: Sounding): void {
  if (closing === null) {
    const idle = (["grace_seconds", "warning"] as const).find((name) => !isAbsent(fields[name]));
    if (idle !== undefined) throw invalidProperty(idle, "needs expires_at or ttl_seconds");
    return;
  }
  const openMs = "ttlMs" in closing ? closing.ttlMs : closing.expiresAt - Math.max(opensAt ?? now, now);
  if (openMs <= 0) throw invalidProperty("expires_at", "must be later than opens_at");
  if (warning !== null && warning.beforeMs >= openMs) {
    throw invalidProperty("warning.before_seconds", "must be less than it is open");
  }
}

function seconds(value: unknown, property: string, least: number): number {
  if (typeof value !== "number" || value < least || value > MAX_SECONDS) {
    throw invalidProperty(property, `must be a number from ${least} to ${MAX_SECONDS}`);
  }
  return Math.round(value * 1_000);
}
