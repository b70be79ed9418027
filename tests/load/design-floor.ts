// What a bare program reaches that takes the hops of our design, beside the baseline of `bench api`: a send through a
// quorum queue, MongoDB, a confirmed event and a reply; a page through a query and a reply. No Strata service runs.
import { fork } from "node:child_process";
import { once } from "node:events";
import { openInfra } from "@strata/testing";
import { connect } from "amqplib";
import { MongoClient } from "mongodb";
import { closedLoop } from "./support/closed-loop.ts";
import { cpuByService, cpuSeconds, cpuSecondsBesidesOf } from "./support/processes.ts";
import { type Pair, printReport, type Run } from "./support/report.ts";

const REQUESTS = Number(process.argv[2] ?? 5_000);
const PAIRS = Number(process.argv[3] ?? 5);
const CALLERS = 50;
const PAGE = 20;
await using infra = await openInfra("bench-design-floor");
const mongoUrl = infra.mongoUrl("floor");
await using mongo = new MongoClient(mongoUrl);
const db = mongo.db();
const ids = Array.from({ length: 100 }, (_, n) => n.toString(16).padStart(32, "0"));
await furnish();
using floor = await start("express-floor");
using worker = await start("design-floor-worker");
using gateway = await start("design-floor-gateway");

const headers = { "Content-Type": "application/json" };
const parts = [{ mime_type: "text/plain", body: "Your order is on its way" }];
const body = JSON.stringify({ sender_id: "layer:///identities/ann", parts });
const urlOf = (n: number): string => `${gateway.url}/apps/app/conversations/${ids[n % ids.length]}/messages`;
const bare = (count: number): Promise<Run> =>
  closedLoop(CALLERS, count, () => ({
    method: "POST",
    url: `${floor.url}/messages`,
    headers,
    body,
    expectedStatus: 201,
  }));

await send(ids.length * PAGE);
await bare(1_000);
const sends: Pair[] = [];
const reads: Pair[] = [];
for (let round = 1; round <= PAIRS; round += 1) {
  const ours = await send(REQUESTS);
  const baseline = await bare(REQUESTS);
  sends.push({ ours, floor: baseline });
  reads.push({ ours: await read(REQUESTS), floor: baseline });
}
printReport("design-floor-page", REQUESTS, reads, null);
printReport("design-floor-send", REQUESTS, sends, null);

async function send(count: number): Promise<Run> {
  const before = await db.collection("messages").countDocuments();
  const run = await measured(() =>
    closedLoop(CALLERS, count, (n) => ({ method: "POST", url: urlOf(n), headers, body, expectedStatus: 201 })),
  );
  const written = (await db.collection("messages").countDocuments()) - before;
  if (written !== count) throw new Error(`${written} messages for ${count} requests`);
  return run;
}

function read(count: number): Promise<Run> {
  const check = (text: string): void => {
    if (text.split('"sender_id":').length !== PAGE + 1) throw new Error(`no page of ${PAGE}: ${text.slice(0, 200)}`);
  };
  return measured(() =>
    closedLoop(CALLERS, count, (n) => ({ method: "GET", url: urlOf(n), headers, expectedStatus: 200 }), check),
  );
}

async function measured(work: () => Promise<Run>): Promise<Run> {
  const spent = () => ({ ...cpuSecondsBesidesOf(), gateway: cpuSeconds(gateway.pid), worker: cpuSeconds(worker.pid) });
  const before = spent();
  const run = await work();
  console.log(`  µs each: ${cpuByService(before, spent(), run.items)}`);
  return run;
}

async function furnish(): Promise<void> {
  await using connection = {
    channelModel: await connect(infra.amqpUrl),
    [Symbol.asyncDispose]: () => connection.channelModel.close(),
  };
  const channel = await connection.channelModel.createChannel();
  await channel.assertExchange("events", "topic");
  for (const queue of ["commands.0", "commands.1", "push", "insights", "realtime", "log"]) {
    const isCommands = queue.startsWith("commands");
    const type = queue === "log" ? "stream" : "quorum";
    const single = isCommands ? { "x-single-active-consumer": true } : {};
    await channel.assertQueue(queue, { durable: true, arguments: { "x-queue-type": type, ...single } });
    if (!isCommands) await channel.bindQueue(queue, "events", "message.sent.*");
  }
  await channel.assertQueue("queries", { durable: true });
  const rows = db.collection<{ _id: string }>("conversations");
  const users = ["ann", "bob"];
  await rows.insertMany(ids.map((_id) => ({ _id, app: "app", users, lastPosition: 0 })));
  const members = ids.flatMap((id) =>
    users.map((user) => ({ _id: `${id}.${user}`, app: "app", user, at: new Date() })),
  );
  await db.collection<{ _id: string }>("memberships").insertMany(members);
  await db.collection("memberships").createIndex({ app: 1, user: 1, at: -1 });
  await db.collection("messages").createIndex({ conversation: 1, position: 1 }, { unique: true });
  await db.collection("messages").createIndex({ app: 1, conversation: 1, tokens: 1 });
}

async function start(name: string): Promise<Disposable & { readonly url: string; readonly pid: number }> {
  const env = { ...process.env, AMQP_URL: infra.amqpUrl, MONGO_URL: mongoUrl };
  const child = fork(new URL(`support/${name}.ts`, import.meta.url), { env });
  const [message]: unknown[] = await once(child, "message");
  const port = typeof message === "object" && message !== null && "port" in message ? message.port : undefined;
  return { url: `http://127.0.0.1:${String(port)}`, pid: Number(child.pid), [Symbol.dispose]: () => void child.kill() };
}
