import { invalidProperty, invalidRequest } from "./errors.ts";
import { requireJsonObject, requireProperties } from "./json-object.ts";
import type { JsonObject } from "./json-object.ts";
import { parseMessageParts, requirePartProperties } from "./message-parts.ts";
import type { NewPart, PartLimits } from "./message-parts.ts";
import { parseNotification } from "./notification.ts";
import type { NormalisedNotification } from "./notification.ts";
import { parseBatchSchedule, parseSchedule, requireDelay } from "./schedules.ts";
import type { Schedule } from "./schedules.ts";
import { parseMessageSender, requireSender } from "./senders.ts";
import type { Sender } from "./senders.ts";
import { usesIdentityIds } from "./versions.ts";
import type { LayerVersion } from "./versions.ts";

/** The meaning of one message that is sent, the same for every version. */
export interface NewMessage {
  messageId: string;
  sender: Sender;
  parts: NewPart[];
  notification: NormalisedNotification | null;
}

/** What a `POST …/messages` asks for: one message at once, or one or more later, one after the other. */
export type Sending =
  | { readonly kind: "now"; readonly message: NewMessage }
  | { readonly kind: "later"; readonly messages: readonly (NewMessage & Schedule)[] };

/** How a `POST …/messages` is read. */
export interface SendParsing extends PartLimits {
  readonly version: LayerVersion;
  /** The user in whose name it is; null: the body says who sends. */
  readonly sender: string | null;
  readonly maxMessages: number;
  /** The id of the n-th message; asked for once nothing that is required is missing. */
  idOf(fields: JsonObject, index: number): string;
}

/**
 * Parses the body of `POST …/messages` (server API 7.1 to 7.3): first what is missing in any of the messages, in the
 * order of the table, then their values. That a sender exists is the caller's to find out.
 * @throws LayerError 400 `invalid_request`, also for a batch in 1.x; 422 `missing_property`; 422 `invalid_property`
 */
export function parseSending(body: unknown, options: SendParsing): Sending {
  if (Array.isArray(body)) return { kind: "later", messages: parseBatch(body, options) };
  const fields = requireJsonObject(body);
  requireMessageProperties(fields, options);
  const message = parseMessage(fields, 0, options);
  const schedule = parseSchedule(fields.schedule, { inBatch: false });
  return schedule === null ? { kind: "now", message } : { kind: "later", messages: [{ ...message, ...schedule }] };
}

function parseBatch(body: readonly unknown[], options: SendParsing): (NewMessage & Schedule)[] {
  if (!usesIdentityIds(options.version)) throw invalidRequest("The body must be a JSON object: batches begin with 2.0");
  if (body.length === 0 || body.length > options.maxMessages) {
    throw invalidProperty("messages", `of a batch must be 1 to ${options.maxMessages}`);
  }
  const messages = body.map(requireJsonObject);
  for (const fields of messages) requireMessageProperties(fields, options);
  const parsed = messages.map((fields, index) =>
    Object.assign(parseMessage(fields, index, options), parseBatchSchedule(fields.schedule)),
  );
  if (new Set(parsed.map(({ messageId }) => messageId)).size < parsed.length) {
    throw invalidProperty("id", "must be there once only in a batch");
  }
  return parsed;
}

function requireMessageProperties(fields: JsonObject, { version, sender }: SendParsing): void {
  if (sender === null) requireSender(version, fields);
  requireProperties(fields, ["parts"]);
  requirePartProperties(fields.parts);
  requireDelay(fields.schedule);
}

function parseMessage(fields: JsonObject, index: number, options: SendParsing): NewMessage {
  const { version, sender: userId } = options;
  const sender = userId === null ? parseMessageSender(version, fields) : { userId };
  const messageId = options.idOf(fields, index);
  return {
    messageId,
    sender,
    parts: parseMessageParts(fields.parts, { ...options, messageId }),
    notification: parseNotification(version, fields.notification),
  };
}
