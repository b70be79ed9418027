import type { Channel, ConsumeMessage } from "amqplib";
import type { Db } from "mongodb";
import { packed, type Publish, reply } from "./amqp.ts";
import type { ListCommand } from "./list-command.ts";
import { findRows, insertRows } from "./mongo.ts";
import { APP, EVENT_KEY, EVENTS, type Fact, identityKey } from "./world.ts";

const CHUNK = 1_000;
const MAX_EVENTS = 100;
const MAX_EVENT_BYTES = 256_000;

/** Stores an announcement with the batches of all its partitions, publishes its events, and answers. */
export function announcements(
  db: Db,
  channel: Channel,
  publish: Publish,
): (group: readonly ConsumeMessage[]) => Promise<void> {
  return async (group) => {
    for (const delivery of group) {
      const command: ListCommand = JSON.parse(delivery.content.toString());
      const unknown = await unknownOf(
        db,
        command.partitions.flatMap(([, users]) => users),
      );
      const partitions = command.partitions.map(([partition, users]) => ({
        partition,
        recipients: unknown.size === 0 ? users : users.filter((user) => !unknown.has(user)),
      }));
      await announce(db, publish, command, partitions, unknown.size);
      reply(channel, delivery, Buffer.from(`{"id":"layer:///announcements/${command.id}"}`));
    }
  };
}

interface Partition {
  readonly partition: number;
  readonly recipients: readonly string[];
}

async function announce(
  db: Db,
  publish: Publish,
  { id, sender, parts }: ListCommand,
  partitions: readonly Partition[],
  unknown: number,
): Promise<void> {
  const at = Date.now();
  const _id = `${APP}/${id}`;
  const batches = partitions.map(({ partition, recipients }) => ({
    _id: `${_id}/${String(partition).padStart(2, "0")}/0/000000`,
    app: APP,
    announcement: id,
    partition,
    at,
    recipients,
  }));
  await Promise.all([
    insertRows(db, "announcements", [{ _id, app: APP, at, sender, parts, unknown }]),
    insertRows(db, "batches", batches),
  ]);
  const facts = inChunks(partitions.flatMap(({ recipients }) => recipients)).map((recipients): Fact => ({
    id,
    at,
    sender,
    parts,
    recipients,
  }));
  const texts = facts.map((fact) => JSON.stringify(fact));
  const events = packed(texts, MAX_EVENTS, MAX_EVENT_BYTES);
  await Promise.all(events.map((content) => publish(EVENTS, EVENT_KEY, content)));
}

/** Users who have no identity. They are counted in the index first, since mostly there are none, and then no row is read. */
async function unknownOf(db: Db, users: readonly string[]): Promise<ReadonlySet<string>> {
  const unknown = await Promise.all(
    inChunks(users).map(async (chunk) => {
      const query = { _id: { $in: chunk.map(identityKey) } };
      const { n } = await db.command({ count: "identities", query });
      if (n === chunk.length) return [];
      const rows = await findRows<{ _id: string }>(db, "identities", query, {
        projection: { _id: 1 },
      });
      const known = new Set(rows.map(({ _id }) => _id));
      return chunk.filter((user) => !known.has(identityKey(user)));
    }),
  );
  return new Set(unknown.flat());
}

const inChunks = (users: readonly string[]): readonly (readonly string[])[] =>
  Array.from({ length: Math.ceil(users.length / CHUNK) }, (_, n) => users.slice(n * CHUNK, (n + 1) * CHUNK));
