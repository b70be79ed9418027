import { Position, Sender } from "@strata/contracts";
import type { Db } from "mongodb";
import { z } from "zod";
import type { MessageRow } from "../domain/message.ts";
import type { NewReceipts, ReceiptFacet } from "../domain/message-receipts.ts";

const Entry = z.object({ user: z.string(), at: z.number().int(), by: z.string() });
const Facet = z.object({
  app: z.string(),
  conversation: z.string(),
  messageId: z.string(),
  position: Position,
  sender: Sender,
  recipients: z.array(z.string()),
  hiddenFor: z.array(z.string()),
  delivered: z.array(Entry),
  read: z.array(Entry),
  deletedAt: z.number().optional(),
});

/** Receipts of messages. They live in the messages (docs/decisions/message-receipts.md). */
export interface MessageReceiptStore {
  /** By key. What comes back is bounded by the users asked about, however many recipients a message has. */
  facets(keys: readonly string[], users: readonly string[]): Promise<ReadonlyMap<string, ReceiptFacet>>;
  /** Records in one bulk what nobody else has recorded meanwhile; answers how many of them were. */
  record(receipts: readonly NewReceipts[]): Promise<number>;
}

export function mongoMessageReceiptStore(db: Db): MessageReceiptStore {
  const messages = db.collection<MessageRow>("messages");
  return {
    async facets(keys, users) {
      if (keys.length === 0) return new Map();
      // Literal: a user may be called "$read".
      const among = (list: string) => ({ $setIntersection: [list, { $literal: users }] });
      const ofThem = (list: string) => ({
        $filter: { input: list, cond: { $in: ["$$this.user", { $literal: users }] } },
      });
      const rows = await messages
        .aggregate([
          { $match: { _id: { $in: keys } } },
          {
            $project: {
              app: 1,
              conversation: 1,
              messageId: 1,
              position: 1,
              sender: 1,
              deletedAt: 1,
              recipients: among("$recipients"),
              hiddenFor: among("$hiddenFor"),
              delivered: ofThem("$delivered"),
              read: ofThem("$read"),
            },
          },
        ])
        .toArray();
      return new Map(rows.map((row) => [String(row["_id"]), Facet.parse(row)]));
    },
    async record(receipts) {
      if (receipts.length === 0) return 0;
      const { modifiedCount } = await messages.bulkWrite(
        receipts.map(({ key, user, delivered, read }) => ({
          updateOne: {
            // Whoever records a receipt first wins, and nothing is delivered after it was read.
            filter: {
              _id: key,
              recipients: user,
              deletedAt: { $exists: false },
              "read.user": { $ne: user },
              ...(delivered && { "delivered.user": { $ne: user } }),
            },
            update: {
              $push: {
                ...(delivered && { delivered: { user, ...delivered } }),
                ...(read && { read: { user, ...read } }),
              },
              ...(read && { $pull: { unread: user } }),
            },
          },
        })),
        { ordered: false },
      );
      return modifiedCount;
    },
  };
}
