// A program of another team: for each batch of an announcement it keeps one file with the recipients. It needs no package
// of Strata's, only the broker and what docs/events.md says of the event. What goes wrong ends it: a supervisor starts it
// again, and whatever it had not acknowledged comes again.
import { existsSync } from "node:fs";
import { rename, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { connect, type ConsumeMessage } from "amqplib";

const { AMQP_URL = "", OUT_DIR = "." } = process.env;
const QUEUE = "acme.batches";

/** Of v1, what is used here. New members may come, so others are not looked at. */
interface BatchStored {
  readonly announcementId: string;
  readonly batchId: string;
  readonly recipients: readonly string[];
}

const isBatchStored = (value: unknown): value is BatchStored =>
  typeof value === "object" && value !== null && "batchId" in value && "recipients" in value;

// noDelay: without it an ack may wait for the next packet.
const connection = await connect(AMQP_URL, { noDelay: true });
const channel = await connection.createChannel();
// Bounded, the oldest dropped first: a program that stands still loses its own events and never fills the broker's disk.
await channel.assertQueue(QUEUE, {
  durable: true,
  maxLength: 10_000,
  arguments: { "x-queue-type": "quorum", "x-overflow": "drop-head", "x-delivery-limit": 20 },
});
await channel.bindQueue(QUEUE, "strata.events", "announcement.batch.stored.v1.*");
await channel.prefetch(20);

/** A batch may come again, with the same id and recipients; the file's name is the key by which it counts once. */
async function keep({ announcementId, batchId, recipients }: BatchStored): Promise<"kept" | "known"> {
  const file = join(OUT_DIR, `${batchId.replaceAll("/", "_")}.json`);
  if (existsSync(file)) return "known";
  await writeFile(`${file}.part`, JSON.stringify({ announcementId, recipients }));
  await rename(`${file}.part`, file);
  return "kept";
}

/** The payload of an event that came by itself, or those of all that were published together. */
function payloadsOf({ content, properties }: ConsumeMessage): readonly unknown[] {
  const body: unknown = JSON.parse(content.toString());
  if (properties.contentType !== "application/cloudevents-batch+json") return [body];
  return Array.isArray(body) ? body.map(({ data }: { readonly data?: unknown }) => data) : [];
}

async function handle(message: ConsumeMessage): Promise<void> {
  const payloads = payloadsOf(message);
  const batches = payloads.filter(isBatchStored);
  for (const batch of batches) console.log(`${await keep(batch)} ${batch.batchId}`);
  // Not what v1 promises, and never will be: refused for good, or it would go round for ever.
  if (batches.length === 0 || batches.length < payloads.length) return channel.reject(message, false);
  // Only after the work: a death before this line brings the events again, and the files' names say that they are known.
  channel.ack(message);
}

// One after the other: of two copies of one event in hand at once, both would find no file yet.
let work = Promise.resolve();
await channel.consume(QUEUE, (message) => {
  if (message === null) throw new Error(`${QUEUE} was deleted`);
  work = work.then(() => handle(message));
});
console.log(`consuming ${QUEUE}`);
process.once("SIGTERM", () => void connection.close());
