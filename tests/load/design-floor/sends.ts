import type { Channel, ConsumeMessage } from "amqplib";
import type { Db } from "mongodb";
import { packed, type Publish, reply } from "./amqp.ts";
import { findRows, insertRows, updateRows } from "./mongo.ts";
import { type MessageRow, messageRow, type NewMessage } from "./message-row.ts";
import { type Conversation, EVENT_KEY, EVENTS, type Fact, membershipKey } from "./world.ts";

const MAX_EVENTS = 100;
const MAX_EVENT_BYTES = 64_000;

/** Stores messages that came together, publishes their event, and answers each; the caller acknowledges them behind that. */
export function sends(db: Db, channel: Channel, publish: Publish): (group: readonly ConsumeMessage[]) => Promise<void> {
  return async (group) => {
    const at = Date.now();
    const conversations = await conversationsOf(db, group);
    const messages = group.map((command): NewMessage => JSON.parse(command.content.toString()));
    const rows = rowsOf(group, messages, conversations, at);
    await store(db, conversations, rows, at);
    const facts = rows.map((row, index) => JSON.stringify(factOf(row, messages[index]?.parts ?? [])));
    const events = packed(facts, MAX_EVENTS, MAX_EVENT_BYTES);
    await Promise.all(events.map((content) => publish(EVENTS, EVENT_KEY, content)));
    for (const [index, { text }] of rows.entries()) {
      const command = group[index];
      if (command) reply(channel, command, text);
    }
  };
}

const conversationOf = ({ properties }: ConsumeMessage): string => String(properties.type);

async function conversationsOf(db: Db, group: readonly ConsumeMessage[]): Promise<ReadonlyMap<string, Conversation>> {
  const ids = [...new Set(group.map(conversationOf))];
  const filter = { _id: { $in: ids } };
  const rows = await findRows<Conversation>(db, "conversations", filter);
  return new Map(rows.map((row) => [row._id, row]));
}

/** Each takes the next position of its conversation. */
function rowsOf(
  group: readonly ConsumeMessage[],
  messages: readonly NewMessage[],
  conversations: ReadonlyMap<string, Conversation>,
  at: number,
): readonly MessageRow[] {
  const taken = new Map<string, number>();
  return messages.map((message, index) => {
    const command = group[index];
    const conversation = command && conversations.get(conversationOf(command));
    if (command === undefined || conversation === undefined) throw new Error("a message into no conversation");
    const position = (taken.get(conversation._id) ?? conversation.lastPosition) + 1;
    taken.set(conversation._id, position);
    return messageRow(String(command.properties.messageId), conversation, position, at, message);
  });
}

/**
 * At once, since each write bears to be repeated without the others: a position that was moved on and not used is a gap,
 * and one that was used and not moved on is refused by the index.
 */
async function store(
  db: Db,
  conversations: ReadonlyMap<string, Conversation>,
  rows: readonly MessageRow[],
  at: number,
): Promise<void> {
  const last = new Map(rows.map(({ conversation, position }) => [conversation, position]));
  const positions = [...last].map(([_id, lastPosition]) => ({ q: { _id }, u: { $max: { lastPosition, at } } }));
  const members = [...conversations.values()].flatMap(({ _id, users }) =>
    users.map((user) => membershipKey(_id, user)),
  );
  const lists = { q: { _id: { $in: members } }, u: { $max: { at } }, multi: true };
  await Promise.all([
    insertRows(db, "messages", rows),
    updateRows(db, "conversations", positions, positions.length),
    updateRows(db, "memberships", [lists], members.length),
  ]);
}

const factOf = (
  { _id, conversation, position, at, sender, recipients }: MessageRow,
  parts: NewMessage["parts"],
): Fact => ({ id: _id, conversation, position, at, sender, parts, recipients });
