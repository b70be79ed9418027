import type { Channel, ConsumeMessage } from "amqplib";
import type { Db } from "mongodb";
import { reply } from "./amqp.ts";
import { aggregateRows, findRows } from "./mongo.ts";

interface Shown {
  readonly position: number;
  readonly text: Buffer;
  readonly statusesAt: number;
}

/** A conversation with its newest messages. */
interface Page {
  readonly _id: string;
  readonly messages: readonly Shown[];
}

interface Receipt {
  readonly conversation: string;
  readonly position: number;
  readonly status: string;
}

const PAGE = 20;
const COMMA = Buffer.from(",");

/** Answers queries that came together, each the key of the reader's membership: one command of each kind for all of them. */
export function pages(db: Db, channel: Channel): (group: readonly ConsumeMessage[]) => Promise<void> {
  return async (group) => {
    const readers = [...new Set(group.map(readerOf))];
    const ids = [...new Set(readers.map(conversationOf))];
    const [found, members] = await Promise.all([
      pagesOf(db, ids),
      findRows(db, "memberships", { _id: { $in: readers } }),
    ]);
    if (found.length !== ids.length || members.length !== readers.length)
      throw new Error("somebody reads what is not there, or not hers");
    const statuses = await statusesOf(db, found);
    const contents = new Map(found.map((page) => [page._id, contentOf(page, statuses)]));
    for (const query of group) reply(channel, query, contents.get(conversationOf(readerOf(query))) ?? Buffer.alloc(0));
  };
}

const readerOf = (query: ConsumeMessage): string => query.content.toString("latin1");
const conversationOf = (reader: string): string => reader.slice(0, reader.indexOf("/"));

/** What is stored as it is, but for messages of which there are receipts. */
function contentOf({ _id, messages }: Page, statuses: ReadonlyMap<string, string>): Buffer {
  const pieces = messages.flatMap(({ position, text, statusesAt }) => {
    const status = statuses.size === 0 ? undefined : statuses.get(`${_id}/${position}`);
    return status === undefined ? [COMMA, text] : [COMMA, text.subarray(0, statusesAt), Buffer.from(`${status}}`)];
  });
  return Buffer.concat([Buffer.from("["), ...pieces.slice(1), Buffer.from("]")]);
}

/** The messages are joined to their conversations: a find for each costs the driver twice as much, and the server half again. */
function pagesOf(db: Db, ids: readonly string[]): Promise<readonly Page[]> {
  const newest = [
    { $sort: { position: -1 } },
    { $limit: PAGE },
    { $project: { _id: 0, position: 1, text: 1, statusesAt: 1 } },
  ];
  const key = { localField: "_id", foreignField: "conversation" };
  return aggregateRows(db, "conversations", [
    { $match: { _id: { $in: ids } } },
    { $lookup: { from: "messages", ...key, pipeline: newest, as: "messages" } },
  ]);
}

/** One find for all, from the index alone; of a conversation whose page begins later than another's it may read more. */
async function statusesOf(db: Db, found: readonly Page[]): Promise<ReadonlyMap<string, string>> {
  const conversation = { $in: found.map(({ _id }) => _id) };
  const position = { $gte: Math.min(...found.map(({ messages }) => messages.at(-1)?.position ?? Infinity)) };
  const projection = { _id: 0, conversation: 1, position: 1, status: 1 };
  const receipts = await findRows<Receipt>(db, "receipts", { conversation, position }, { projection });
  return new Map(receipts.map((receipt) => [`${receipt.conversation}/${receipt.position}`, receipt.status]));
}
