import { type MessageRow, senderUser } from "./domain/message.ts";
import type { MessageStore } from "./store/message-store.ts";

interface Deps {
  readonly messages: Pick<MessageStore, "findModerated" | "hideFromMany">;
}

/** Hides from users who come into a conversation what its app's moderation hides there. Again, it changes nothing. */
export const hideModerated =
  ({ messages }: Deps) =>
  async (app: string, conversationId: string, userIds: readonly string[], at: number): Promise<void> => {
    if (userIds.length === 0) return;
    for (const message of await messages.findModerated(app, conversationId)) {
      // By the first decision that hides it: taken back, it takes this back, or hands it over, with what it hid itself.
      const [by] = message.moderatedBy ?? [];
      const users = newTo(message, userIds);
      if (by !== undefined && users.length > 0) await messages.hideFromMany(message._id, users, { by, at });
    }
  };

const newTo = ({ hiddenFor, sender }: MessageRow, userIds: readonly string[]): readonly string[] => {
  const hidden = new Set(hiddenFor);
  return userIds.filter((userId) => userId !== senderUser(sender) && !hidden.has(userId));
};
