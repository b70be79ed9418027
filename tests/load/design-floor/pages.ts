import type { Channel, ConsumeMessage } from "amqplib";
import type { Db } from "mongodb";
import { reply } from "./amqp.ts";
import { findRows } from "./mongo.ts";

/** A message as a page shows it: `text` is all of it but its recipients' statuses, `sent` those without any receipt. */
interface Shown {
  readonly position: number;
  readonly text: string;
  readonly sent: string;
}

interface Receipt {
  readonly conversation: string;
  readonly position: number;
  readonly status: string;
}

const PAGE = 20;

/** Answers queries that came together, each the key of the reader's membership: one command of each kind for all of them. */
export function pages(db: Db, channel: Channel): (group: readonly ConsumeMessage[]) => Promise<void> {
  return async (group) => {
    const readers = [...new Set(group.map(readerOf))];
    const ids = [...new Set(readers.map(conversationOf))];
    const [conversations, members, ...found] = await Promise.all([
      findRows(db, "conversations", { _id: { $in: ids } }, { batchSize: ids.length }),
      findRows(db, "memberships", { _id: { $in: readers } }, { batchSize: readers.length }),
      ...ids.map((id) => messagesOf(db, id)),
    ]);
    if (conversations.length !== ids.length || members.length !== readers.length)
      throw new Error("somebody reads what is not there, or not hers");
    const statuses = await statusesOf(db, ids, found);
    const contents = new Map(
      ids.map((id, index) => [id, Buffer.from(`[${(found[index] ?? []).map(textOf(id, statuses)).join(",")}]`)]),
    );
    for (const query of group) reply(channel, query, contents.get(conversationOf(readerOf(query))) ?? Buffer.alloc(0));
  };
}

const readerOf = (query: ConsumeMessage): string => query.content.toString("latin1");
const conversationOf = (reader: string): string => reader.slice(0, reader.indexOf("/"));
const textOf =
  (conversation: string, statuses: ReadonlyMap<string, string>) =>
  ({ position, text, sent }: Shown): string =>
    text + (statuses.get(`${conversation}/${position}`) ?? sent);

const messagesOf = (db: Db, conversation: string): Promise<readonly Shown[]> =>
  findRows(
    db,
    "messages",
    { conversation },
    { sort: { position: -1 }, limit: PAGE, projection: { _id: 0, position: 1, text: 1, sent: 1 } },
  );

/** One find for all, from the index alone; of a conversation whose page begins later than another's it may read more. */
async function statusesOf(
  db: Db,
  ids: readonly string[],
  found: readonly (readonly Shown[])[],
): Promise<ReadonlyMap<string, string>> {
  const first = Math.min(...found.map((page) => page.at(-1)?.position ?? Infinity));
  const projection = { _id: 0, conversation: 1, position: 1, status: 1 };
  const filter = { conversation: { $in: ids }, position: { $gte: first } };
  const receipts = await findRows<Receipt>(db, "receipts", filter, { projection, batchSize: 10_000 });
  return new Map(receipts.map(({ conversation, position, status }) => [`${conversation}/${position}`, status]));
}
