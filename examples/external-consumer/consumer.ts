// A program of another team: keeps, for each batch of an announcement, one file with its recipients. No package of
// Strata's is needed, only the broker and what docs/events.md says of the event.
import { existsSync } from "node:fs";
import { rename, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { connect, type ConsumeMessage } from "amqplib";

const { AMQP_URL = "", OUT_DIR = "." } = process.env;
const QUEUE = "acme.batches";

/** Additive changes within v1 are allowed, so only what is used is looked at. */
interface BatchStored {
  readonly announcementId: string;
  readonly batchId: string;
  readonly recipients: readonly string[];
}

const isBatchStored = (value: unknown): value is BatchStored =>
  typeof value === "object" && value !== null && "batchId" in value && "recipients" in value;

// noDelay: without it every ack may wait 40 ms for the next packet.
const connection = await connect(AMQP_URL, { noDelay: true });
const channel = await connection.createChannel();
// Bounded, oldest dropped first: if this program stands still, that is its own loss and never the broker's disk.
await channel.assertQueue(QUEUE, {
  durable: true,
  maxLength: 10_000,
  arguments: { "x-queue-type": "quorum", "x-overflow": "drop-head", "x-delivery-limit": 20 },
});
await channel.bindQueue(QUEUE, "strata.events", "announcement.batch.stored.v1.*");
await channel.prefetch(20);

/** A batch may come again, with the same id and recipients. The file's name is the key by which it counts once. */
async function keep({ announcementId, batchId, recipients }: BatchStored): Promise<"kept" | "kept before"> {
  const file = join(OUT_DIR, `${batchId.replaceAll("/", "_")}.json`);
  if (existsSync(file)) return "kept before";
  await writeFile(`${file}.part`, JSON.stringify({ announcementId, recipients }));
  await rename(`${file}.part`, file);
  return "kept";
}

async function handle(message: ConsumeMessage): Promise<void> {
  const event: unknown = JSON.parse(message.content.toString());
  if (!isBatchStored(event)) throw new Error("this is no BatchStored");
  console.log(`${await keep(event)} ${event.batchId}`);
  // Only now: a program that dies before this line gets the event again.
  channel.ack(message);
}

await channel.consume(QUEUE, (message) => {
  // Unreadable today is unreadable tomorrow: refused for good, so that it does not go round for ever.
  if (message) handle(message).catch((error: unknown) => console.error(error, channel.reject(message, false)));
});
console.log(`consuming ${QUEUE}`);
process.once("SIGTERM", () => void connection.close());
