import { parseMetadata, parseMetadataValue } from "./conversation-metadata.ts";
import type { ConversationMetadata } from "./conversation-metadata.ts";
import type { ConversationLimits } from "./conversation-request.ts";
import { invalidProperty } from "./errors.ts";
import type { LayerError } from "./layer-error.ts";
import { isAbsent } from "./json-object.ts";
import { parsePatch } from "./parse-patch.ts";
import type { PatchOperation } from "./parse-patch.ts";
import { parseUserReference } from "./user-ids.ts";
import type { LayerVersion } from "./versions.ts";

/** One step of a change of a conversation: what an operation of a Layer-Patch means there. */
export type ConversationChange =
  | { kind: "add-participant"; userId: string }
  | { kind: "remove-participant"; userId: string }
  | { kind: "set-participants"; userIds: string[] }
  /** An empty path replaces the whole. */
  | { kind: "set-metadata"; path: string[]; value: string | ConversationMetadata }
  | { kind: "delete-metadata"; path: string[] };

/** More than a body of 1 MB could mean in earnest; all of them travel in one message. */
const MAX_OPERATIONS = 10_000;

/**
 * Parses a Layer-Patch of a conversation (server API 6.4) into what it changes, in its order. A participant is named by
 * `id` or by `value` in every version; a set of metadata as a whole to null empties it, as a delete does. Whether the
 * result is within the app's limits depends on what is there, so the conversation's owner checks it.
 * @throws LayerError 400 `invalid_request`; 422 `invalid_property` with the property of what may not be done
 */
export function parseConversationPatch(
  version: LayerVersion,
  body: unknown,
  { maxParticipants }: Pick<ConversationLimits, "maxParticipants">,
): ConversationChange[] {
  const operations = parsePatch(body);
  if (operations.length > MAX_OPERATIONS) {
    throw invalidProperty("operation", `is there ${operations.length} times, and may be ${MAX_OPERATIONS} times`);
  }
  return operations.map((operation) => {
    if (operation.root === "participants") return participantsChange(version, operation, maxParticipants);
    if (operation.root === "metadata") return metadataChange(operation);
    throw refused(operation);
  });
}

function participantsChange(
  version: LayerVersion,
  operation: PatchOperation,
  maxParticipants: number,
): ConversationChange {
  if (operation.path.length > 0) throw refused(operation);
  switch (operation.operation) {
    case "add":
      return { kind: "add-participant", userId: operand(version, operation) };
    case "remove":
      return { kind: "remove-participant", userId: operand(version, operation) };
    case "set":
      return { kind: "set-participants", userIds: operands(version, operation, maxParticipants) };
    default:
      throw refused(operation);
  }
}

/** `value` beside an `id` is the object itself, for receivers who lack it (server API 5): the id says who. */
function operand(version: LayerVersion, { id, value }: PatchOperation): string {
  const userId =
    id === undefined
      ? userOf(version, value)
      : // Only identities have ids, so this form is the later versions' own.
        userOf("2.0", id);
  if (userId === null) throw invalidProperty(id === undefined ? "value" : "id", "must name a user");
  return userId;
}

function operands(version: LayerVersion, { value }: PatchOperation, maxParticipants: number): string[] {
  if (!Array.isArray(value)) throw invalidProperty("value", "must be an array of users");
  if (value.length === 0) throw invalidProperty("participants", "cannot be set to nobody");
  const userIds = value.map((reference: unknown) => {
    const userId = userOf(version, reference);
    if (userId === null) throw invalidProperty("value", "must name users");
    return userId;
  });
  const distinct = [...new Set(userIds)];
  if (distinct.length > maxParticipants) throw invalidProperty("participants", `must be at most ${maxParticipants}`);
  return distinct;
}

const userOf = (version: LayerVersion, reference: unknown): string | null =>
  typeof reference === "string" ? parseUserReference(version, reference) : null;

function metadataChange(operation: PatchOperation): ConversationChange {
  const path = [...operation.path];
  if (operation.operation === "delete") return { kind: "delete-metadata", path };
  if (operation.operation !== "set" || operation.id !== undefined) throw refused(operation);
  if (path.length > 0) return { kind: "set-metadata", path, value: parseMetadataValue(operation.value, path) };
  if (isAbsent(operation.value)) return { kind: "delete-metadata", path };
  return { kind: "set-metadata", path, value: parseMetadata(operation.value) };
}

const refused = (operation: PatchOperation): LayerError =>
  invalidProperty(operation.property, `of a conversation does not take this ${operation.operation}`);
