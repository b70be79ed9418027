import { z } from "zod";
import { invalidProperty, missingProperty } from "./errors.ts";
import { isAbsent, isJsonObject, isStorable } from "./json-object.ts";
import type { JsonObject } from "./json-object.ts";
import { parseBySchema } from "./schema-errors.ts";
import { formatUserReference, parseUserReference } from "./user-ids.ts";
import type { LayerVersion } from "./versions.ts";

/** What a push says, in one form for every wire version; what is absent is not sent, or inherited by an override. */
export interface NotificationContent {
  title?: string;
  text?: string;
  sound?: string;
  category?: string;
  titleLocKey?: string;
  titleLocArgs?: string[];
  locKey?: string;
  locArgs?: string[];
  actionLocKey?: string;
  data?: JsonObject;
  apns?: JsonObject;
  fcm?: JsonObject;
  /** Seconds. */
  ttl?: number;
  priority?: "high" | "normal";
  collapseId?: string;
  mutableContent?: boolean;
  contentAvailable?: boolean;
  interruptionLevel?: "passive" | "active" | "time-sensitive" | "critical";
  relevanceScore?: number;
  threadId?: string;
}

/** A notification with its overrides by user id. */
export interface NormalisedNotification extends NotificationContent {
  recipients?: Record<string, NotificationContent>;
}

const Text = z.string().nullish();
// One check for the whole list: a schema per entry would collect one issue per bad entry of a hostile body.
const Texts = z
  .custom<string[]>((value) => Array.isArray(value) && value.every((entry) => typeof entry === "string"), {
    message: "expected an array of strings",
  })
  .nullish();
const MAX_TTL_SECONDS = 28 * 86_400;
const MAX_COLLAPSE_ID_BYTES = 64;
/** As Apple writes it, 1 or 0, or as JSON does. */
const Flag = z
  .union([z.boolean(), z.literal([0, 1])])
  .nullish()
  .transform((flag) => (typeof flag === "number" ? flag === 1 : flag));
const Payload = z
  .custom<JsonObject>((value) => isJsonObject(value) && isStorable(value), {
    message: "expected an object, not nested too deeply",
  })
  .nullish();

/** The keys of a notification and of each override (server API 9.2); unknown ones are ignored, all versions take all. */
export const NotificationBody = z.object({
  title: Text,
  text: Text,
  sound: Text,
  category: Text,
  "title-loc-key": Text,
  "title-loc-args": Texts,
  "loc-key": Text,
  "loc-args": Texts,
  "action-loc-key": Text,
  data: Payload,
  apns: Payload,
  /** The older name of `fcm`; where both are given, the keys of `fcm` win. */
  gcm: Payload,
  fcm: Payload,
  ttl: z
    .int()
    .min(0)
    .max(MAX_TTL_SECONDS)
    .nullish()
    .meta({ description: "Seconds for which a push is tried, from when it was accepted; 0: now or never" }),
  priority: z
    .enum(["high", "normal"])
    .nullish()
    .meta({ description: "normal: may wait until the phone wakes; high unless there is nothing to see or hear" }),
  collapse_id: z
    .string()
    .min(1)
    .refine((id) => Buffer.byteLength(id) <= MAX_COLLAPSE_ID_BYTES, `has more than ${MAX_COLLAPSE_ID_BYTES} bytes`)
    .nullish()
    .meta({ description: "Of two with the same one, a phone shows the later; the id of what is pushed where absent" }),
  "mutable-content": Flag.meta({ description: "iOS: an extension of the app may change it before it is shown" }),
  "content-available": Flag.meta({ description: "iOS: wakes the app beside what is shown" }),
  "interruption-level": z
    .enum(["passive", "active", "time-sensitive", "critical"])
    .nullish()
    .meta({ description: "iOS" }),
  "relevance-score": z.number().min(0).max(1).nullish().meta({ description: "iOS: which of an app's stands first" }),
  "thread-id": z.string().nullish().meta({ description: "iOS: what is shown as one group" }),
});

/**
 * Checks and normalises a `notification` (server API 9.2); null when there is none. Overrides come as an object keyed
 * by user or as an array of entries with `user_id` (1.1) or `recipient` (2.0), each form in every version; of several
 * for one user the last holds.
 * @throws LayerError 422 `invalid_property` `notification…`; 422 `missing_property` for an override that names nobody
 */
export function parseNotification(version: LayerVersion, body: unknown): NormalisedNotification | null {
  if (isAbsent(body)) return null;
  if (!isJsonObject(body)) throw invalidProperty("notification", "must be an object");
  const content = parseContent(body, "notification");
  if (isAbsent(body.recipients)) return content;
  const overrides = overrideEntries(version, body.recipients).map(
    ([userId, override]): [string, NotificationContent] => [userId, parseContent(override, RECIPIENTS)],
  );
  // fromEntries defines own properties, so that a user called __proto__ is one key among others.
  return { ...content, recipients: Object.fromEntries(overrides) };
}

const RECIPIENTS = "notification.recipients";

function overrideEntries(version: LayerVersion, recipients: unknown): [string, unknown][] {
  if (Array.isArray(recipients)) return recipients.map((entry: unknown) => [overriddenUser(version, entry), entry]);
  if (!isJsonObject(recipients)) throw invalidProperty(RECIPIENTS, "must be an array or an object");
  return Object.entries(recipients).map(([reference, entry]) => [
    requireUser(parseUserReference(version, reference), RECIPIENTS),
    entry,
  ]);
}

function overriddenUser(version: LayerVersion, entry: unknown): string {
  if (!isJsonObject(entry)) throw invalidProperty(RECIPIENTS, "must be a list of objects");
  if (!isAbsent(entry.recipient)) return parseUser("2.0", entry.recipient, `${RECIPIENTS}.recipient`);
  if (!isAbsent(entry.user_id)) return parseUser(version, entry.user_id, `${RECIPIENTS}.user_id`);
  throw missingProperty(version.startsWith("1.") ? `${RECIPIENTS}.user_id` : `${RECIPIENTS}.recipient`);
}

const parseUser = (version: LayerVersion, reference: unknown, property: string): string =>
  requireUser(typeof reference === "string" ? parseUserReference(version, reference) : null, property);

function requireUser(userId: string | null, property: string): string {
  if (userId === null) throw invalidProperty(property, "must name a user");
  return userId;
}

function parseContent(body: unknown, property: string): NotificationContent {
  const { gcm, fcm, ...parsed } = parseBySchema(NotificationBody, body, property);
  const content = {
    title: parsed.title,
    text: parsed.text,
    sound: parsed.sound,
    category: parsed.category,
    titleLocKey: parsed["title-loc-key"],
    titleLocArgs: parsed["title-loc-args"],
    locKey: parsed["loc-key"],
    locArgs: parsed["loc-args"],
    actionLocKey: parsed["action-loc-key"],
    data: parsed.data,
    apns: parsed.apns,
    fcm: isAbsent(gcm) && isAbsent(fcm) ? undefined : { ...gcm, ...fcm },
    ttl: parsed.ttl,
    priority: parsed.priority,
    collapseId: parsed.collapse_id,
    mutableContent: parsed["mutable-content"],
    contentAvailable: parsed["content-available"],
    interruptionLevel: parsed["interruption-level"],
    relevanceScore: parsed["relevance-score"],
    threadId: parsed["thread-id"],
  };
  const present = Object.entries(content).filter(([, value]) => !isAbsent(value));
  return Object.fromEntries(present) as NotificationContent;
}

type StoredContent = { readonly [Name in keyof NotificationContent]?: NotificationContent[Name] | undefined };

/** As it comes from storage, where what is absent may be undefined. */
export type StoredNotification = StoredContent & {
  readonly recipients?: Readonly<Record<string, StoredContent>> | undefined;
};

/** A notification as it can be sent again. */
export const notificationView = (version: LayerVersion, notification: StoredNotification): JsonObject => {
  const { recipients, ...content } = notification;
  if (recipients === undefined) return contentView(content);
  const overrides = Object.entries(recipients).map(([userId, override]): [string, JsonObject] => [
    formatUserReference(version, userId),
    contentView(override),
  ]);
  return { ...contentView(content), recipients: Object.fromEntries(overrides) };
};

const WIRE_NAMES: ReadonlyMap<string, string> = new Map([
  ["titleLocKey", "title-loc-key"],
  ["titleLocArgs", "title-loc-args"],
  ["locKey", "loc-key"],
  ["locArgs", "loc-args"],
  ["actionLocKey", "action-loc-key"],
  ["collapseId", "collapse_id"],
  ["mutableContent", "mutable-content"],
  ["contentAvailable", "content-available"],
  ["interruptionLevel", "interruption-level"],
  ["relevanceScore", "relevance-score"],
  ["threadId", "thread-id"],
]);

const contentView = (content: StoredContent): JsonObject =>
  Object.fromEntries(Object.entries(content).map(([name, value]) => [WIRE_NAMES.get(name) ?? name, value]));
