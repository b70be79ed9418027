import type { FoundMessagePlace, SearchQuestion } from "@strata/contracts";
import { readRows } from "@strata/runtime";
import type { Db } from "mongodb";
import { z } from "zod";
import type { MembershipRow } from "../domain/membership.ts";
import { entryStemOf } from "../domain/search-tokens.ts";
import { messageIndex } from "./message-indexes.ts";

/** As many as MongoDB merges in the order of the index (internalQueryMaxScansToExplode); of more it would sort all it finds. */
export const CONVERSATIONS_AT_ONCE = 200;

export interface Search {
  readonly app: string;
  /** Whose search: all rows are hers, at most CONVERSATIONS_AT_ONCE. */
  readonly memberships: readonly MembershipRow[];
  readonly question: SearchQuestion;
  readonly after: FoundMessagePlace | null;
  /** Nothing older is wanted. */
  readonly since: number;
  readonly limit: number;
}

interface Finding extends FoundMessagePlace {
  /** `_id` of the message. */
  readonly key: string;
}

export interface Findings {
  /** In order. */
  readonly found: readonly Finding[];
  /** In front of what was not looked at; null: all was. */
  readonly end: FoundMessagePlace | null;
}

/** Messages by what they say. */
export interface SearchStore {
  /** Looks at the newest that have one stem of the question, ten times as many as are asked for, and takes those that have all. */
  find(search: Search): Promise<Findings>;
}

const Place = z.object({ sentAt: z.number(), position: z.number() });
const Answer = z.object({
  found: z.array(Place.extend({ _id: z.string(), messageId: z.string() })),
  last: z.array(Place),
});

const CANDIDATES_PER_HIT = 10;
const MIN_CANDIDATES = 200;
/** Above every character that a word has. */
const HIGHEST = "\u{10ffff}";

export function mongoSearchStore(db: Db): SearchStore {
  return {
    async find(search) {
      const { limit } = search;
      const candidates = Math.max(MIN_CANDIDATES, limit * CANDIDATES_PER_HIT);
      const rows = await readRows(db, {
        aggregate: "messages",
        pipeline: [
          { $match: entered(search) },
          { $sort: { sentAt: -1, position: -1 } },
          { $limit: candidates },
          {
            $facet: {
              found: [
                { $match: wanted(search) },
                { $sort: { sentAt: -1, position: -1, messageId: 1 } },
                { $limit: limit },
                { $project: { messageId: 1, sentAt: 1, position: 1 } },
              ],
              last: [{ $skip: candidates - 1 }, { $project: { _id: 0, sentAt: 1, position: 1 } }],
            },
          },
        ],
        cursor: { batchSize: 2 },
        hint: messageIndex.search,
      });
      const { found, last } = Answer.parse(rows[0]);
      const [cut] = last;
      return {
        found: found.map(({ _id, messageId, sentAt, position }) => ({ key: _id, at: sentAt, position, messageId })),
        // Others of its moment and position may be behind it.
        end: cut ? { at: cut.sentAt, position: cut.position, messageId: "" } : null,
      };
    },
  };
}

/** What the index is entered by. */
function entered({ app, memberships, question, after, since }: Search) {
  return {
    app,
    conversation: { $in: memberships.map(({ conversation }) => conversation) },
    stems: entryStemOf(question),
    sentAt: { $gte: since, ...(after && { $lte: after.at }) },
    ...(after && { $nor: [{ sentAt: after.at, position: { $gt: after.position } }] }),
  };
}

/** All else, asked of the messages themselves. */
function wanted({ memberships, question, after }: Search) {
  const { words, prefix } = question;
  const unseen = [
    ...memberships.flatMap(unseenIn),
    ...(after ? [{ sentAt: after.at, position: after.position, messageId: { $lte: after.messageId } }] : []),
  ];
  return {
    $and: [
      ...words.map((tokens) => ({ tokens })),
      { tokens: { $elemMatch: { $gte: prefix, $lt: `${prefix}${HIGHEST}` } } },
    ],
    deletedAt: { $exists: false },
    hiddenFor: { $ne: memberships[0]?.user ?? "" },
    ...(unseen.length === 0 ? {} : { $nor: unseen }),
  };
}

/** What she has cleared, and what was said after she had left. */
const unseenIn = ({ conversation, clearedThrough, leftAt }: MembershipRow) => [
  ...(clearedThrough === 0 ? [] : [{ conversation, position: { $lte: clearedThrough } }]),
  ...(leftAt === null ? [] : [{ conversation, position: { $gt: leftAt } }]),
];
