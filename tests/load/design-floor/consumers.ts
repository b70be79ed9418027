// Process C of `bench design-floor`: who follows the events. Pushes look for devices, insights hear of it and do nothing,
// realtime logs the change and only then tells the sockets, which are here as well.
import type { ConsumeMessage } from "amqplib";
import { openConnection, type Publish, publisherOn, takeGroups } from "./amqp.ts";
import { changeRow } from "./change-row.ts";
import { findRows, insertRows, openMongo } from "./mongo.ts";
import { openSockets } from "./sockets.ts";
import { APP, type Fact, TOLD } from "./world.ts";

const PREFETCH = 200;

/** What has come through so far, in facts: asked for by the bench, which waits until all is done. */
const counted = { push: 0, insights: 0, realtime: 0, sockets: 0 };
const db = await openMongo();
const connection = await openConnection();
const publish: Publish = publisherOn(await connection.createConfirmChannel());
const sockets = await openSockets(db);

const factsOf = ({ content }: ConsumeMessage): readonly Fact[] => JSON.parse(content.toString());

async function push(group: readonly ConsumeMessage[]): Promise<void> {
  const facts = group.flatMap(factsOf);
  const user = { $in: [...new Set(facts.flatMap(({ recipients }) => recipients))] };
  await findRows(db, "devices", { app: APP, user });
  counted.push += facts.length;
}

async function insights(group: readonly ConsumeMessage[]): Promise<void> {
  counted.insights += group.flatMap(factsOf).length;
}

async function realtime(group: readonly ConsumeMessage[]): Promise<void> {
  const facts = group.flatMap(factsOf);
  await insertRows(db, "changes", facts.map(changeRow));
  await publish(TOLD, "", joined(group.map(({ content }) => content)));
  counted.realtime += facts.length;
}

/** Arrays of JSON as one, without reading them again. */
function joined(arrays: readonly Buffer[]): Buffer {
  if (arrays.length === 1 && arrays[0]) return arrays[0];
  const inner = arrays.flatMap((array) => [Buffer.from(","), array.subarray(1, -1)]).slice(1);
  return Buffer.concat([Buffer.from("["), ...inner, Buffer.from("]")]);
}

const told = await connection.createChannel();
const { queue } = await told.assertQueue("", {
  exclusive: true,
  durable: false,
  arguments: { "x-max-length": 10_000 },
});
await told.bindQueue(queue, TOLD, "");
await told.consume(queue, (delivery) => void (delivery && tell(factsOf(delivery))), { noAck: true });
for (const [name, handle] of Object.entries({ push, insights, realtime })) {
  await takeGroups(await connection.createChannel(), [name], PREFETCH, handle);
}

async function tell(facts: readonly Fact[]): Promise<void> {
  await sockets.tell(facts);
  counted.sockets += facts.length;
}

process.on("message", () => process.send?.(counted));
process.on("disconnect", () => process.exit());
process.send?.({ port: sockets.port });
