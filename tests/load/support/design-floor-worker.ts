// Process B of `bench design-floor`: takes the commands that wait as a group, stores them, publishes an event each, replies,
// and acks the group at once. The pages that wait share their three finds.
import { randomUUID } from "node:crypto";
import { connect, type Channel, type ConsumeMessage } from "amqplib";
import { MongoClient } from "mongodb";

interface Conversation {
  readonly _id: string;
  readonly app: string;
  readonly users: readonly string[];
  readonly lastPosition: number;
}

const MAX_GROUP = 200;
const PAGE = 20;
const APP = "app";
const mongo = new MongoClient(String(process.env["MONGO_URL"]), {
  maxPoolSize: 20,
  writeConcern: { w: "majority", journal: true },
});
const db = mongo.db();
const conversations = db.collection<Conversation>("conversations");
const messages = db.collection<{ _id: string; conversation: string; position: number }>("messages");
const memberships = db.collection<{ _id: string; app: string; user: string; at: Date }>("memberships");
const connection = await connect(String(process.env["AMQP_URL"]), { noDelay: true });
const events = await connection.createConfirmChannel();

const parsed = (delivery: ConsumeMessage): { conversation: string; command: { sender_id: string; parts: unknown } } =>
  JSON.parse(delivery.content.toString());
const reply = (channel: Channel, to: ConsumeMessage, text: string): void => {
  const { replyTo, correlationId } = to.properties;
  channel.publish("", String(replyTo), Buffer.from(text), { correlationId: String(correlationId) });
};

async function store(group: readonly ConsumeMessage[]): Promise<readonly object[]> {
  const commands = group.map(parsed);
  const ids = [...new Set(commands.map(({ conversation }) => conversation))];
  const rows = new Map((await conversations.find({ _id: { $in: ids } }).toArray()).map((row) => [row._id, row]));
  const positions = new Map([...rows].map(([id, { lastPosition }]) => [id, lastPosition]));
  const at = new Date();
  const documents = commands.map(({ conversation, command }) => {
    const position = (positions.get(conversation) ?? 0) + 1;
    positions.set(conversation, position);
    const users = rows.get(conversation)?.users ?? [];
    return { _id: randomUUID(), app: APP, conversation, position, at, users, tokens: ["order"], ...command };
  });
  await messages.insertMany(documents, { ordered: false });
  await Promise.all([
    conversations.bulkWrite(
      ids.map((_id) => ({
        updateOne: { filter: { _id }, update: { $max: { lastPosition: positions.get(_id) ?? 0, lastAt: at } } },
      })),
      { ordered: false },
    ),
    memberships.bulkWrite(
      ids.flatMap((id) =>
        (rows.get(id)?.users ?? []).map((user) => ({
          updateOne: { filter: { _id: `${id}.${user}` }, update: { $max: { at } } },
        })),
      ),
      { ordered: false },
    ),
  ]);
  return documents;
}

async function sends(channel: Channel, group: readonly ConsumeMessage[]): Promise<void> {
  const texts = (await store(group)).map((document) => JSON.stringify(document));
  for (const text of texts)
    events.publish("events", `message.sent.${APP}`, Buffer.from(text), { persistent: true, mandatory: true });
  await events.waitForConfirms();
  for (const [index, delivery] of group.entries()) reply(channel, delivery, String(texts[index]));
  const last = group.at(-1);
  if (last) channel.ack(last, true);
}

async function pages(channel: Channel, group: readonly ConsumeMessage[]): Promise<void> {
  const ids = [...new Set(group.map((delivery) => parsed(delivery).conversation))];
  const [rows, members, ...found] = await Promise.all([
    conversations.find({ _id: { $in: ids } }).toArray(),
    memberships.find({ _id: { $in: ids.map((id) => `${id}.ann`) } }).toArray(),
    ...ids.map((conversation) => messages.find({ conversation }).sort({ position: -1 }).limit(PAGE).toArray()),
  ]);
  if (rows.length !== members.length) throw new Error("a conversation without its member");
  const texts = new Map(ids.map((id, index) => [id, JSON.stringify(found[index])]));
  for (const delivery of group) reply(channel, delivery, String(texts.get(parsed(delivery).conversation)));
  const last = group.at(-1);
  if (last) channel.ack(last, true);
}

type Handler = (channel: Channel, group: readonly ConsumeMessage[]) => Promise<void>;

/** One group at a time; what comes meanwhile is the next one. */
async function consume(queue: string, handler: Handler): Promise<void> {
  const channel = await connection.createChannel();
  await channel.prefetch(MAX_GROUP);
  let waiting: ConsumeMessage[] = [];
  let isBusy = false;
  const run = async (): Promise<void> => {
    isBusy = true;
    while (waiting.length > 0) {
      const group = waiting;
      waiting = [];
      await handler(channel, group);
    }
    isBusy = false;
  };
  await channel.consume(queue, (delivery) => {
    if (delivery) waiting.push(delivery);
    if (!isBusy) void run();
  });
}

await consume("commands.0", sends);
await consume("commands.1", sends);
await consume("queries", pages);
process.send?.("ready");
