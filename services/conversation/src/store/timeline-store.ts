import { gathering, readRows } from "@strata/runtime";
import type { Db, Document, Filter } from "mongodb";
import { z } from "zod";
import { ListedMessage, type MessageRow } from "../domain/message.ts";
import type { View } from "../domain/visibility.ts";
import { messageIndex } from "./message-indexes.ts";

/** What users see of conversations: pages, the newest message, numbers. Reads for lists, and what read marks change. */
export interface TimelineStore {
  /** Newest first, below a position where one is given: one find. */
  page(app: string, view: View, below: number | null, limit: number): Promise<readonly ListedMessage[]>;
  /** The newest message of each of one user's views, by conversation. One query, however many they are. */
  newest(app: string, views: readonly View[]): Promise<ReadonlyMap<string, ListedMessage>>;
  /** How many messages within each view are deleted for everybody, and how many are hidden from its viewer. */
  countGone(app: string, views: readonly View[]): Promise<ReadonlyMap<string, Gone>>;
  /** How many a user has not read, by conversation; in all of them, or in those named. Conversations with none are absent. */
  countUnread(app: string, user: string, conversations: readonly string[] | null): Promise<ReadonlyMap<string, number>>;
  /** How many each of these users has not read, by conversation; in all, or in one. One query, however many they are. */
  countUnreadOfUsers(app: string, users: readonly string[], conversation?: string): Promise<readonly UnreadOfUser[]>;
  /** From whom of these users some message of a conversation is hidden. One query, however many they are. */
  findHiddenFrom(app: string, conversation: string, users: readonly string[]): Promise<ReadonlySet<string>>;
  /** A user has read all that she sees up to a position. Repeating it changes nothing. */
  markRead(app: string, conversation: string, reader: Reader): Promise<void>;
}

/** Of one user in one conversation. */
const UnreadOfUser = z.object({ user: z.string(), conversation: z.string(), messages: z.number().int() });
type UnreadOfUser = z.infer<typeof UnreadOfUser>;

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

interface PageQuestion {
  readonly app: string;
  readonly view: View;
  readonly below: number | null;
  readonly limit: number;
}

interface WholeQuestion {
  readonly app: string;
  readonly conversations: readonly string[];
}

/** Of all pages in one command together; a page that is larger goes alone. */
const ROWS_TOGETHER = 400;
/** Projection of `ListedMessage`: of a page, reading the documents is what costs most. */
const listedFields = { _id: 0, ...Object.fromEntries(Object.keys(ListedMessage.shape).map((field) => [field, 1])) };
/** Which question a row answers. */
const Asked = z.object({ asked: z.number().int() });

/** Far more conversations than are mostly counted at once. */
const COUNTS_PER_ANSWER = 1_000;

/** Messages changed by one write: long enough to be few, short enough never to meet a socket's timeout. */
const PAGE = 1_000;

const Counts = z.array(z.object({ _id: z.string(), n: z.number().int() }));
const Newest = z.array(ListedMessage);
const HiddenFrom = z.array(z.object({ _id: z.string() }));
const Positions = z.array(z.object({ position: z.number().int() }));

export function mongoTimelineStore(db: Db): TimelineStore {
  const messages = db.collection<MessageRow>("messages");

  const aggregate = (pipeline: readonly Document[], batchSize: number): Promise<readonly Document[]> =>
    readRows(db, { aggregate: messages.collectionName, pipeline, cursor: { batchSize } });

  const countBy = async (filter: Filter<MessageRow>): Promise<ReadonlyMap<string, number>> => {
    const pipeline = [{ $match: filter }, { $group: { _id: "$conversation", n: { $sum: 1 } } }];
    const counts = Counts.parse(await aggregate(pipeline, COUNTS_PER_ANSWER));
    return new Map(counts.map(({ _id, n }) => [_id, n]));
  };

  const pageOf = async ({ app, view, below, limit }: PageQuestion): Promise<readonly ListedMessage[]> => {
    const rows = await readRows(db, {
      find: messages.collectionName,
      filter: inView(app, view, below),
      projection: listedFields,
      hint: messageIndex.positions,
      sort: { position: -1 },
      limit,
      batchSize: limit + 1,
    });
    return rows.map((row) => ListedMessage.parse(row));
  };

  /** Several pages in one command: a union of what each would have been asked for alone. */
  const pagesOf = async (questions: readonly PageQuestion[]): Promise<readonly (readonly ListedMessage[])[]> => {
    const [first = [], ...others] = questions.map((question, index) => pagePipeline(question, index));
    const unions = others.map((pipeline) => ({ $unionWith: { coll: messages.collectionName, pipeline } }));
    const rows = await aggregate([...first, ...unions], rowsOf(questions) + 1);
    const perQuestion = Map.groupBy(rows, (row) => Asked.parse(row).asked);
    return questions.map((_, index) => (perQuestion.get(index) ?? []).map((row) => ListedMessage.parse(row)));
  };

  const pagesTogether = gathering<PageQuestion, readonly ListedMessage[]>({
    concurrency: 2,
    maxWeight: ROWS_TOGETHER,
    weightOf: ({ limit }) => limit,
    async work(questions) {
      const [only, ...others] = questions;
      return only && others.length === 0 ? [await pageOf(only)] : pagesOf(questions);
    },
  });

  /** Deleted messages of whole conversations, counted together for everybody who asks at the same time. */
  const countDeletedTogether = gathering<WholeQuestion, ReadonlyMap<string, number>>({
    concurrency: 2,
    maxWeight: 1_000,
    weightOf: ({ conversations }) => conversations.length,
    async work(questions) {
      const perApp = Map.groupBy(questions, ({ app }) => app);
      const counts = new Map<string, ReadonlyMap<string, number>>();
      await Promise.all(
        [...perApp].map(async ([app, asked]) => {
          const $in = [...new Set(asked.flatMap(({ conversations }) => conversations))];
          counts.set(app, await countBy({ app, deletedAt: { $gt: 0 }, conversation: { $in } }));
        }),
      );
      return questions.map(({ app }) => counts.get(app) ?? new Map());
    },
  });

  return {
    page: (app, view, below, limit) => pagesTogether({ app, view, below, limit }),
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
        views.every(isWhole)
          ? countDeletedTogether({ app, conversations: views.map(({ conversation }) => conversation) })
          : countBy({ $or: inRanges({ app, deletedAt: { $gt: 0 } }, views) }),
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
    async countUnreadOfUsers(app, users, conversation) {
      const where = conversation === undefined ? {} : { conversation };
      const pipeline = [
        { $match: { app, unread: { $in: [...users] }, ...where } },
        { $project: { _id: 0, conversation: 1, unread: 1 } },
        { $unwind: "$unread" },
        { $match: { unread: { $in: [...users] } } },
        { $group: { _id: { user: "$unread", conversation: "$conversation" }, messages: { $sum: 1 } } },
        { $project: { _id: 0, user: "$_id.user", conversation: "$_id.conversation", messages: 1 } },
      ];
      return z.array(UnreadOfUser).parse(await aggregate(pipeline, COUNTS_PER_ANSWER));
    },
    async findHiddenFrom(app, conversation, users) {
      const pipeline = [
        { $match: { app, hiddenFor: { $in: [...users] }, conversation } },
        { $project: { _id: 0, hiddenFor: 1 } },
        { $unwind: "$hiddenFor" },
        { $match: { hiddenFor: { $in: [...users] } } },
        { $group: { _id: "$hiddenFor" } },
      ];
      return new Set(HiddenFrom.parse(await aggregate(pipeline, COUNTS_PER_ANSWER)).map(({ _id }) => _id));
    },
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

const isWhole = ({ after, through }: View): boolean => after === 0 && through === null;

const rowsOf = (questions: readonly PageQuestion[]): number => questions.reduce((sum, { limit }) => sum + limit, 0);

const pagePipeline = ({ app, view, below, limit }: PageQuestion, asked: number) => [
  { $match: inView(app, view, below) },
  { $sort: { position: -1 } },
  { $limit: limit },
  { $project: listedFields },
  { $set: { asked: { $literal: asked } } },
];

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
  const whole = views.filter(isWhole);
  const parts = views.filter((view) => !isWhole(view));
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
      { $project: listedFields },
    ],
    as: "newest",
  },
});

const unwound = [{ $unwind: "$newest" }, { $replaceRoot: { newRoot: "$newest" } }];
