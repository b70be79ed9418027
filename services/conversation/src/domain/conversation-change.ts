import type { ConversationChange, ConversationLimits, Metadata } from "@strata/contracts";
import { DomainError } from "@strata/runtime";
import { type ConversationRow, distinctKeyOf, type LastChange } from "./conversation.ts";
import { afterLeaving } from "./governance.ts";
import { isSameMetadata, metadataBytes, metadataProperty, withoutValue, withValue } from "./metadata.ts";

/** Deeper metadata is refused before it is walked into. */
const MAX_PATH = 64;

/** With what its change did. */
export type ChangedConversation = ConversationRow & { readonly lastChange: LastChange };

const refusal = (property: string): DomainError => new DomainError("invalid_property", { property });

const changedMetadata = (metadata: Metadata, change: ConversationChange): Metadata => {
  if (change.kind !== "set-metadata" && change.kind !== "delete-metadata") return metadata;
  const { path } = change;
  if (path.length > MAX_PATH) throw refusal(metadataProperty(path));
  const changed =
    change.kind === "set-metadata" ? withValue(metadata, path, change.value) : withoutValue(metadata, path);
  if (changed === null) throw refusal(metadataProperty(path));
  return changed;
};

/** Sets keep the order in which things came into them, and so the order of participants. */
const changedPeople = (people: Set<string>, change: ConversationChange): Set<string> => {
  if (change.kind === "set-participants") return new Set(change.userIds);
  if (change.kind === "add-participant") people.add(change.userId);
  if (change.kind === "remove-participant") people.delete(change.userId);
  return people;
};

/** What an app's limits forbid; what was beyond a limit before it was lowered may stay, and may shrink. */
const beyondLimits = (before: ConversationRow, after: ConversationRow, limits: ConversationLimits): string | null => {
  const count = after.participants.length;
  if (count > limits.maxParticipants && count > before.participants.length) return "participants";
  const bytes = metadataBytes(after.metadata);
  return bytes > limits.maxMetadataBytes && bytes > metadataBytes(before.metadata) ? "metadata" : null;
};

/** What a conversation is after all the changes, in their order; null when that is what it was. Throws what is refused. */
export function changeConversation(
  row: ConversationRow,
  changes: readonly ConversationChange[],
  limits: ConversationLimits,
  change: Pick<LastChange, "by" | "at">,
): ChangedConversation | null {
  let people = new Set(row.participants);
  let metadata = row.metadata;
  for (const one of changes) {
    people = changedPeople(people, one);
    metadata = changedMetadata(metadata, one);
  }
  const changed = changedTo(row, [...people], metadata, change);
  const property = changed && beyondLimits(row, changed, limits);
  if (property !== null) throw refusal(property);
  return changed;
}

/** With these participants and this metadata; null when it has them. Other people make it distinct no longer. */
function changedTo(
  row: ConversationRow,
  participants: readonly string[],
  metadata: Metadata,
  { by, at }: Pick<LastChange, "by" | "at">,
): ChangedConversation | null {
  const [before, after] = [new Set(row.participants), new Set(participants)];
  const added = participants.filter((userId) => !before.has(userId));
  const removed = row.participants.filter((userId) => !after.has(userId));
  const isReordered = participants.some((userId, index) => userId !== row.participants[index]);
  const isMetadataChanged = !isSameMetadata(metadata, row.metadata);
  if (removed.length === 0 && !isReordered && !isMetadataChanged) return null;

  const { distinctKey: _, ...rest } = row;
  const governance = afterLeaving(row.governance, removed);
  const distinct = row.distinct && added.length === 0 && removed.length === 0;
  return {
    ...rest,
    participants,
    metadata,
    ...(governance ? { governance } : {}),
    distinct,
    ...(distinct ? { distinctKey: distinctKeyOf(row.app, participants) } : {}),
    version: row.version + 1,
    lastChange: { by, at, position: row.lastPosition, added, removed, isMetadataChanged, isFollowed: false },
  };
}

/** Without one user; null when she is not in it. */
export const withoutParticipant = (
  row: ConversationRow,
  userId: string,
  change: Pick<LastChange, "by" | "at">,
): ChangedConversation | null =>
  row.participants.includes(userId)
    ? changedTo(
        row,
        row.participants.filter((other) => other !== userId),
        row.metadata,
        change,
      )
    : null;
