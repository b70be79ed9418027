import type { Db, Filter } from "mongodb";
import { z } from "zod";
import { type MessageRow, ViewedMessage } from "../domain/message.ts";
import type { View } from "../domain/visibility.ts";
import { messageIndex } from "./message-indexes.ts";
import { viewed } from "./message-store.ts";

/** What users see of conversations: pages, the newest message, numbers. Reads for lists, and what read marks change. */
export interface TimelineStore {
  /** Newest first, below a position where one is given: one find. */
  page(app: string, view: View, below: number | null, limit: number): Promise<readonly ViewedMessage[]>;
  /** The newest message of each of one user's views, by conversation. One query, however many they are. */
  newest(app: string, views: readonly View[]): Promise<ReadonlyMap<string, ViewedMessage>>;
  /** How many messages within each view are deleted for everybody, and how many are hidden from its viewer. */
  countGone(app: string, views: readonly View[]): Promise<ReadonlyMap<string, Gone>>;
  /** How many a user has not read, by conversation; in all of them, or in those named. Conversations with none are absent. */
  countUnread(app: string, user: string, conversations: readonly string[] | null): Promise<ReadonlyMap<string, number>>;
  /** A user has read all that she sees up to a position. Repeating it changes nothing. */
  markRead(app: string, conversation: string, reader: Reader): Promise<void>;
}

interface Gone {
  readonly deleted: number;
  readonly hidden: number;
}

interface Reader {
  readonly user: string;
  readonly through: number;
  readonly at: number;
  readonly by: string;
}

/** Messages changed by one write: long enough to be few, short enough never to meet a socket's timeout. */
const PAGE = 1_000;

const Counts = z.array(z.object({ _id: z.string(), n: z.number().int() }));
const Newest = z.array(ViewedMessage);
const Positions = z.array(z.object({ position: z.number().int() }));

export function mongoTimelineStore(db: Db): TimelineStore {
  const messages = db.collection<MessageRow>("messages");

  const countBy = async (filter: Filter<MessageRow>): Promise<ReadonlyMap<string, number>> => {
    const pipeline = [{ $match: filter }, { $group: { _id: "$conversation", n: { $sum: 1 } } }];
    const counts = Counts.parse(await messages.aggregate(pipeline).toArray());
    return new Map(counts.map(({ _id, n }) => [_id, n]));
  };

  return {
    async page(app, view, below, limit) {
      const rows = await messages
        .find(inView(app, view, below), { projection: viewed, hint: messageIndex.positions, batchSize: limit + 1 })
        .sort({ position: -1 })
        .limit(limit)
        .toArray();
      return rows.map((row) => ViewedMessage.parse(row));
    },
    async newest(app, views) {
      const [first] = views;
      if (!first) return new Map();
      const ranges = views.map(({ conversation, after, through }) => ({ conversation, after, through }));
      const rows = await db.aggregate([{ $documents: ranges }, newestOfEach(app, first.viewer), ...unwound]).toArray();
      return new Map(Newest.parse(rows).map((row) => [row.conversation, row]));
    },
    async countGone(app, views) {
      const [first] = views;
      if (!first) return new Map();
      const { viewer } = first;
      const [deleted, hidden] = await Promise.all([
        countBy({ $or: inRanges({ app, deletedAt: { $gt: 0 } }, views) }),
        viewer === null ? null : countBy({ $or: inRanges({ app, hiddenFor: viewer }, views) }),
      ]);
      return new Map(
        views.map(({ conversation }) => [
          conversation,
          { deleted: deleted.get(conversation) ?? 0, hidden: hidden?.get(conversation) ?? 0 },
        ]),
      );
    },
    countUnread: (app, user, conversations) =>
      countBy({ app, unread: user, ...(conversations && { conversation: { $in: [...conversations] } }) }),
    async markRead(app, conversation, { user, through, at, by }) {
      const unread = { app, unread: user, conversation, position: { $lte: through } };
      const oldest = { projection: { _id: 0, position: 1 }, sort: { position: 1 }, limit: PAGE } as const;
      for (;;) {
        const page = await messages.find(unread, { ...oldest, hint: messageIndex.unread }).toArray();
        const last = Positions.parse(page).at(-1);
        if (last === undefined) return;
        await messages.updateMany(
          { ...unread, position: { $lte: last.position } },
          { $pull: { unread: user }, $push: { read: { user, at, by } } },
          { hint: messageIndex.unread },
        );
      }
    },
  };
}

function inView(app: string, { conversation, viewer, after, through }: View, below: number | null) {
  const bounds = {
    $gt: after,
    ...(through === null ? {} : { $lte: through }),
    ...(below === null ? {} : { $lt: below }),
  };
  return {
    app,
    conversation,
    position: bounds,
    deletedAt: { $exists: false },
    ...(viewer === null ? {} : { hiddenFor: { $ne: viewer } }),
  };
}

/** Conversations seen whole share one clause; each of the others has its own. */
function inRanges(filter: Filter<MessageRow>, views: readonly View[]): Filter<MessageRow>[] {
  const whole = views.filter(({ after, through }) => after === 0 && through === null);
  const parts = views.filter(({ after, through }) => after > 0 || through !== null);
  const clauseOf = ({ conversation, after, through }: View): Filter<MessageRow> => {
    const position = { $gt: after, ...(through === null ? {} : { $lte: through }) };
    return { ...filter, conversation, position };
  };
  const clauses = parts.map(clauseOf);
  if (whole.length === 0) return clauses;
  return [...clauses, { ...filter, conversation: { $in: whole.map(({ conversation }) => conversation) } }];
}

/** For each range the newest message of it: an index seek each, all in one query. */
const newestOfEach = (app: string, viewer: string | null) => ({
  $lookup: {
    from: "messages",
    let: {
      conversation: "$conversation",
      after: "$after",
      through: { $ifNull: ["$through", Number.MAX_SAFE_INTEGER] },
    },
    pipeline: [
      {
        $match: {
          app,
          deletedAt: { $exists: false },
          ...(viewer === null ? {} : { hiddenFor: { $ne: viewer } }),
          $expr: {
            $and: [
              { $eq: ["$conversation", "$$conversation"] },
              { $gt: ["$position", "$$after"] },
              { $lte: ["$position", "$$through"] },
            ],
          },
        },
      },
      { $sort: { position: -1 } },
      { $limit: 1 },
      { $project: viewed },
    ],
    as: "newest",
  },
});

const unwound = [{ $unwind: "$newest" }, { $replaceRoot: { newRoot: "$newest" } }];
