import { parseMetadata, requireMetadataWithin } from "./conversation-metadata.ts";
import type { ConversationMetadata } from "./conversation-metadata.ts";
import { invalidProperty } from "./errors.ts";
import { isAbsent, requireJsonObject, requireProperties } from "./json-object.ts";
import { parseUserReference } from "./user-ids.ts";
import type { LayerVersion } from "./versions.ts";

/** What an app allows of a conversation (server API 16, 20). */
export interface ConversationLimits {
  readonly maxParticipants: number;
  /** As JSON. */
  readonly maxMetadataBytes: number;
}

/** The meaning of a `POST …/conversations` body, the same for every version. */
export interface NewConversation {
  /** User ids in the order given, none twice. */
  participants: string[];
  distinct: boolean;
  /** null: none was given, which agrees with whatever a distinct conversation has. */
  metadata: ConversationMetadata | null;
}

/**
 * Parses the body of `POST …/conversations` (server API 6.1). A `creator` takes part in what she creates (11), behind
 * those whom she named; it may have nobody yet where somebody is invited (an extension). `significance` is accepted and ignored, as every unknown field (4.3).
 * @throws LayerError 400 `invalid_request`; 422 `missing_property` `participants`; 422 `invalid_property`
 */
export function parseNewConversation(
  version: LayerVersion,
  body: unknown,
  limits: ConversationLimits,
  creator: string | null = null,
  hasGuests = false,
): NewConversation {
  const fields = requireJsonObject(body);
  if (!hasGuests) requireProperties(fields, ["participants"]);
  const named = hasGuests && isAbsent(fields.participants) ? [] : parseParticipants(version, fields.participants);
  const participants = [...new Set(creator === null ? named : [...named, creator])];
  if (participants.length > limits.maxParticipants) {
    throw invalidProperty("participants", `must be at most ${limits.maxParticipants}`);
  }
  const { distinct } = fields;
  if (!isAbsent(distinct) && typeof distinct !== "boolean") throw invalidProperty("distinct", "must be true or false");
  const metadata = isAbsent(fields.metadata) ? null : parseMetadata(fields.metadata);
  if (metadata !== null) requireMetadataWithin(limits.maxMetadataBytes, metadata);
  return { participants, distinct: distinct ?? false, metadata };
}

/** @throws LayerError 422 `invalid_property` `participants`, also for an empty list */
function parseParticipants(version: LayerVersion, participants: unknown): string[] {
  if (!Array.isArray(participants)) throw invalidProperty("participants", "must be an array");
  if (participants.length === 0) throw invalidProperty("participants", "must not be empty");
  return participants.map((reference: unknown, index) => {
    const userId = typeof reference === "string" ? parseUserReference(version, reference) : null;
    if (userId === null) throw invalidProperty("participants", `names no user at index ${index}`);
    return userId;
  });
}
