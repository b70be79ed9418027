// Process B of `bench design-floor`: answers queries, carries out commands, each in groups of what waits.
import { openConnection, publisherOn, takeGroups } from "./amqp.ts";
import { announcements } from "./announcements.ts";
import { openMongo } from "./mongo.ts";
import { pages } from "./pages.ts";
import { sends } from "./sends.ts";
import { COMMANDS, LISTS, QUERIES } from "./world.ts";

const PREFETCH = 200;

const db = await openMongo();
const connection = await openConnection();
const publish = publisherOn(await connection.createConfirmChannel());
const queries = await connection.createChannel();
await takeGroups(queries, [QUERIES], PREFETCH, pages(db, queries));
for (const queue of COMMANDS) {
  const channel = await connection.createChannel();
  await takeGroups(channel, [queue], PREFETCH, sends(db, channel, publish));
}
const lists = await connection.createChannel();
await takeGroups(lists, [LISTS], 1, announcements(db, lists, publish));
process.send?.({ port: 0 });
process.on("disconnect", () => process.exit());
