import { invalidProperty, missingProperty } from "./errors.ts";
import { isAbsent, isJsonObject, requireProperties } from "./json-object.ts";
import type { JsonObject } from "./json-object.ts";
import { parseUserReference } from "./user-ids.ts";
import { usesIdentityIds } from "./versions.ts";
import type { LayerVersion } from "./versions.ts";

/** Who an announcement or a message is from: a bare name (1.x) or an identity (2.0+). */
export type Sender = { name: string } | { userId: string };

/**
 * The required property that says who sends: `sender` with one of its members in 1.x, `sender_id` from 2.0.
 * @throws LayerError 422 `missing_property`
 */
export function requireSender(version: LayerVersion, fields: JsonObject): void {
  requireProperties(fields, [usesIdentityIds(version) ? "sender_id" : "sender"]);
  const { sender } = fields;
  if (usesIdentityIds(version) || !isJsonObject(sender)) return;
  // A sender that has neither member is as good as none (server API 7.1).
  if (isAbsent(sender.name) && isAbsent(sender.user_id)) throw missingProperty("sender");
}

/**
 * The sender of a message (server API 7.1); that she exists is the caller's to find out.
 * @throws LayerError 422 `invalid_property`
 */
export function parseMessageSender(version: LayerVersion, fields: JsonObject): Sender {
  if (usesIdentityIds(version)) return parseSenderId(version, fields.sender_id);
  const { sender } = fields;
  if (!isJsonObject(sender)) throw invalidProperty("sender", "must be an object");
  if (isAbsent(sender.user_id)) return parseName(sender);
  if (!isAbsent(sender.name)) throw invalidProperty("sender", "takes either a user_id or a name, not both");
  const userId = typeof sender.user_id === "string" ? parseUserReference(version, sender.user_id) : null;
  if (userId === null) throw invalidProperty("sender.user_id", "must be a user id");
  return { userId };
}

/**
 * The sender of an announcement, who in 1.x has a name only (server API 8).
 * @throws LayerError 422 `invalid_property`
 */
export function parseAnnouncementSender(version: LayerVersion, fields: JsonObject): Sender {
  if (usesIdentityIds(version)) return parseSenderId(version, fields.sender_id);
  const { sender } = fields;
  if (!isJsonObject(sender)) throw invalidProperty("sender", "must be an object");
  if (!isAbsent(sender.user_id)) throw invalidProperty("sender", "of an announcement takes a name only, no user_id");
  return parseName(sender);
}

function parseName({ name }: JsonObject): Sender {
  if (typeof name !== "string" || name === "") {
    throw invalidProperty("sender.name", "must be a string that is not empty");
  }
  return { name: name.toWellFormed() };
}

function parseSenderId(version: LayerVersion, reference: unknown): Sender {
  const userId = typeof reference === "string" ? parseUserReference(version, reference) : null;
  if (userId === null) throw invalidProperty("sender_id", "must be the id of an identity");
  return { userId };
}
