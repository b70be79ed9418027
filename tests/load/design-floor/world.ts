// What lies in the broker and in MongoDB before the processes of `bench design-floor` start, and the shapes they share.
import { connect } from "amqplib";
import type { Db } from "mongodb";

export const APP = "app";
export const TOKEN = "the-token-of-the-app";
export const USERS = ["ann", "bob"] as const;
export const EVENTS = "events";
export const TOLD = "told";
export const QUERIES = "queries";
export const LISTS = "lists";
export const COMMANDS = ["commands.0", "commands.1"] as const;
export const EVENT_KEY = `message.created.${APP}`;

/** A fact that other services hear of: a message, or an announcement with up to 1,000 of its recipients. */
export interface Fact {
  readonly id: string;
  /** Of a message alone. */
  readonly conversation?: string;
  readonly position?: number;
  readonly at: number;
  readonly sender: string;
  readonly parts: readonly object[];
  readonly recipients: readonly string[];
}

export interface Conversation {
  readonly _id: string;
  readonly app: string;
  readonly users: readonly string[];
  readonly lastPosition: number;
}

export const membershipKey = (conversation: string, user: string): string => `${conversation}/${user}`;
export const identityKey = (user: string): string => `${APP}/${user}`;

export async function declareQueues(amqpUrl: string): Promise<void> {
  const connection = await connect(amqpUrl);
  const channel = await connection.createChannel();
  await channel.assertExchange(EVENTS, "topic");
  await channel.assertExchange(TOLD, "fanout");
  const quorum = { "x-queue-type": "quorum" };
  const ordered = { ...quorum, "x-single-active-consumer": true };
  for (const queue of [...COMMANDS, LISTS]) await channel.assertQueue(queue, { arguments: ordered });
  // The deadline of a query is the same for all, so the queue has it instead of each message.
  await channel.assertQueue(QUERIES, { arguments: { "x-message-ttl": 10_000 } });
  for (const queue of ["push", "insights", "realtime"]) await channel.assertQueue(queue, { arguments: quorum });
  await channel.assertQueue("log", { arguments: { "x-queue-type": "stream", "x-max-length-bytes": 1e9 } });
  for (const queue of ["push", "insights", "realtime", "log"])
    await channel.bindQueue(queue, EVENTS, `message.created.*`);
  await connection.close();
}

export async function createIndexes(db: Db): Promise<void> {
  await db.collection("messages").createIndex({ conversation: 1, position: 1 }, { unique: true });
  await db.collection("messages").createIndex({ app: 1, conversation: 1, tokens: 1 });
  await db.collection("memberships").createIndex({ app: 1, user: 1, at: -1 });
  await db.collection("receipts").createIndex({ conversation: 1, position: 1, status: 1 });
  await db.collection("devices").createIndex({ app: 1, user: 1 });
  await db.collection("batches").createIndex({ app: 1, partition: 1, recipients: 1, at: -1, _id: 1 });
  await db.collection("changes").createIndex({ app: 1, recipients: 1, at: 1 });
  // As ours: an index entry for each of a thousand recipients would cost more than all else, so many are found by partition.
  await db
    .collection("changes")
    .createIndex({ app: 1, partitions: 1, at: 1 }, { partialFilterExpression: { partitions: { $gte: 0 } } });
}

export async function insertConversations(db: Db, ids: readonly string[]): Promise<void> {
  const conversations = ids.map((_id): Conversation => ({ _id, app: APP, users: USERS, lastPosition: 0 }));
  await db.collection<Conversation>("conversations").insertMany(conversations);
  const memberships = ids.flatMap((id) =>
    USERS.map((user) => ({ _id: membershipKey(id, user), app: APP, user, at: Date.now() })),
  );
  await db.collection<{ _id: string }>("memberships").insertMany(memberships);
}
