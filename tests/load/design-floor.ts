// The best that a program reaches here which takes the hops that DESIGN.md prescribes, gives its guarantees, and does nothing
// else: no validation, policies, logs, metrics, no Strata service. A page, a send and a broadcast, each beside the baseline
// of `bench api` or `bench realtime`. What this misses is out of reach of the design on this machine.
import { openInfra } from "@strata/testing";
import { MongoClient } from "mongodb";
import { broadcast } from "./design-floor/broadcast.ts";
import { startProcess } from "./design-floor/processes.ts";
import { requests } from "./design-floor/requests.ts";
import { createIndexes, declareQueues, insertConversations } from "./design-floor/world.ts";
import { printReport } from "./support/report.ts";

const REQUESTS = Number(process.argv[2] ?? 5_000);
const PAIRS = Number(process.argv[3] ?? 5);
const CALLERS = Number(process.argv[4] ?? 50);
/** `page`, `send` or `broadcast`; absent: all of them. */
const PART = process.argv[5];
const CONVERSATIONS = 100;
const ANNOUNCED = Math.min(5_000, REQUESTS);

await using infra = await openInfra("bench-design-floor");
const env = { AMQP_URL: infra.amqpUrl, MONGO_URL: infra.mongoUrl("floor") };
await using mongo = new MongoClient(env.MONGO_URL);
const db = mongo.db();
const conversations = Array.from({ length: CONVERSATIONS }, (_, n) => n.toString(16).padStart(32, "0"));
await declareQueues(env.AMQP_URL);
await createIndexes(db);
await insertConversations(db, conversations);

const start = (file: URL) => startProcess(file, env);
using bare = await start(new URL("support/express-floor.ts", import.meta.url));
using worker = await start(new URL("design-floor/worker.ts", import.meta.url));
using consumers = await start(new URL("design-floor/consumers.ts", import.meta.url));
using gateway = await start(new URL("design-floor/gateway.ts", import.meta.url));
const processes = { gateway, worker, consumers };

const isAsked = (part: string): boolean => PART === undefined || PART === part;
if (isAsked("page") || isAsked("send")) {
  const measured = requests({ processes, bare, db, conversations, callers: CALLERS });
  await measured.warmUp();
  if (isAsked("page")) printReport("design-floor-page", REQUESTS, await measured.pages(REQUESTS, PAIRS), null);
  if (isAsked("send")) printReport("design-floor-send", REQUESTS, await measured.sends(REQUESTS, PAIRS), null);
}
if (isAsked("broadcast")) {
  const pairs = await broadcast(processes, db, ANNOUNCED, PAIRS);
  printReport("design-floor-broadcast", ANNOUNCED, pairs, null);
}
