import type { Db } from "mongodb";

/** What deleting, clearing and forgetting a conversation do to its messages; all else of them is the message store's. */
export interface ConversationMessages {
  /** Nobody has anything unread in it up to a position. */
  emptyUnread(app: string, conversationId: string, throughPosition: number): Promise<void>;
  /** She has nothing unread in it up to a position. */
  dropUnread(app: string, userId: string, conversationId: string, throughPosition: number): Promise<void>;
  /** Removes up to `limit` messages of a deleted conversation; answers how many. */
  purge(app: string, conversationId: string, limit: number): Promise<number>;
}

interface MessageFields {
  readonly _id: string;
  readonly app: string;
  readonly conversation: string;
  readonly position: number;
  unread: string[];
}

/** How many messages one write may touch, so that none runs into the driver's time. */
const PAGE = 1_000;

export function mongoConversationMessages(db: Db): ConversationMessages {
  const messages = db.collection<MessageFields>("messages");
  return {
    async emptyUnread(app, conversationId, throughPosition) {
      for (let from = 0; from < throughPosition; from += PAGE) {
        await messages.updateMany(
          {
            app,
            conversation: conversationId,
            position: { $gt: from, $lte: from + PAGE },
            "unread.0": { $exists: true },
          },
          { $set: { unread: [] } },
        );
      }
    },
    async dropUnread(app, userId, conversationId, throughPosition) {
      const filter = { app, unread: userId, conversation: conversationId, position: { $lte: throughPosition } };
      for (;;) {
        const page = await messages.find(filter, { projection: { _id: 1 }, limit: PAGE }).toArray();
        const ids = page.map(({ _id }) => _id);
        if (ids.length > 0) await messages.updateMany({ _id: { $in: ids } }, { $pull: { unread: userId } });
        if (ids.length < PAGE) return;
      }
    },
    async purge(app, conversationId, limit) {
      const page = await messages
        .find({ app, conversation: conversationId }, { projection: { _id: 1 }, limit })
        .toArray();
      if (page.length > 0) await messages.deleteMany({ _id: { $in: page.map(({ _id }) => _id) } });
      return page.length;
    },
  };
}
