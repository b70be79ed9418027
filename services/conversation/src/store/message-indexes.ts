import type { Collection } from "mongodb";
import type { MessageRow } from "../domain/message.ts";

/** Names of the indexes, for hints: which one answers a question is known, so no planner need try. */
export const messageIndex = {
  positions: "positions",
  tombstones: "tombstones",
  unread: "unread",
  hidden: "hidden",
  search: "search",
  moderated: "moderated",
} as const;

export async function ensureMessageIndexes(messages: Collection<MessageRow>): Promise<void> {
  await messages.createIndexes([
    // Unique: of two writers of one conversation (a takeover), only one gets a position.
    { name: messageIndex.positions, key: { app: 1, conversation: 1, position: 1 }, unique: true },
    {
      name: messageIndex.tombstones,
      key: { app: 1, conversation: 1, position: 1, deletedAt: 1 },
      partialFilterExpression: { deletedAt: { $gt: 0 } },
    },
    { name: messageIndex.unread, key: { app: 1, unread: 1, conversation: 1, position: 1 } },
    // Behind one conversation and one stem it is in the order of time.
    { name: messageIndex.search, key: { app: 1, conversation: 1, stems: 1, sentAt: -1, position: -1 } },
    {
      name: messageIndex.moderated,
      key: { app: 1, conversation: 1, moderatedBy: 1 },
      // Of the few that are hidden by moderation alone.
      partialFilterExpression: { moderatedBy: { $gt: "" } },
    },
    { name: messageIndex.hidden, key: { app: 1, hiddenFor: 1, conversation: 1, position: 1 } },
  ]);
}
