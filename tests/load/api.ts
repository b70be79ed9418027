// Requests per second of the two commonest calls: sending a message (durable, stored, ordered, its event confirmed) and
// reading a page of messages. Beside both, in the same run, a bare Express endpoint that only publishes what it gets,
// confirmed. 100 conversations of two; 50 callers in a closed loop, or as many as the third argument says: the more wait, the
// more is done together.
import { fork } from "node:child_process";
import { once } from "node:events";
import { startPlatform } from "@strata/tests-platform";
import { closedLoop, type HttpCall } from "./support/closed-loop.ts";
import {
  cpuByService,
  cpuSeconds,
  cpuSecondsBesidesOf,
  cpuSecondsByServiceOf,
  peakRssMbOf,
  sumOf,
} from "./support/processes.ts";
import { type Pair, printReport, type Run } from "./support/report.ts";

const REQUESTS = Number(process.argv[2] ?? 5_000);
const PAIRS = Number(process.argv[3] ?? 5);
const CALLERS = Number(process.argv[4] ?? 50);
const CONVERSATIONS = 100;
const PAGE = 20;

await using platform = await startPlatform("bench-api");
const app = await platform.createApp();
using floor = await startFloor(platform.infra.amqpUrl);
await platform.insertUsers(app.appId, ["ann", "bob"]);
const conversations: string[] = [];
for (let n = 0; n < CONVERSATIONS; n += 1) conversations.push(await createConversation());
const messages = platform.db("conversation").collection<{ _id: string; app: string }>("messages");

const headers = { Authorization: `Bearer ${app.token}`, "Content-Type": "application/json" };
const body = JSON.stringify({
  sender_id: "layer:///identities/ann",
  parts: [{ mime_type: "text/plain", body: "Your order is on its way" }],
});
const urlOf = (n: number): string =>
  `${platform.baseUrl}/apps/${app.appId}/conversations/${conversations[n % CONVERSATIONS]}/messages`;
const sending = (n: number): HttpCall => ({ method: "POST", url: urlOf(n), headers, body, expectedStatus: 201 });
const reading = (n: number): HttpCall => ({
  method: "GET",
  url: `${urlOf(n)}?page_size=${PAGE}`,
  headers,
  expectedStatus: 200,
});
const publishing = (): HttpCall => ({ method: "POST", url: floor.url, headers, body, expectedStatus: 201 });

// Warm; and afterwards every conversation has more than a page.
await send(CONVERSATIONS * PAGE);
await closedLoop(CALLERS, 1_000, publishing);
const sends: Pair[] = [];
const reads: Pair[] = [];
for (let round = 1; round <= PAIRS; round += 1) {
  const ours = await send(REQUESTS);
  const bare = await measuredFloor(() => closedLoop(CALLERS, REQUESTS, publishing));
  sends.push({ ours, floor: bare });
  reads.push({ ours: await read(REQUESTS), floor: bare });
}
console.log("reading a page of messages");
printReport("api-list-messages", REQUESTS, reads, peakRssMbOf(platform));
console.log("sending a message");
printReport("api-create-message", REQUESTS, sends, peakRssMbOf(platform));

async function send(count: number): Promise<Run> {
  const before = await messages.countDocuments({ app: app.appId });
  const run = await measured(() => closedLoop(CALLERS, count, sending));
  const written = (await messages.countDocuments({ app: app.appId })) - before;
  if (written !== count) throw new Error(`${written} messages for ${count} requests`);
  return run;
}

/** Counts the messages without parsing 30 kB of JSON, which would be the load generator's time on the same processors. */
function checkPage(text: string): void {
  if (text.split('"recipient_status":').length !== PAGE + 1)
    throw new Error(`no page of ${PAGE}: ${text.slice(0, 200)}`);
}

function read(count: number): Promise<Run> {
  return measured(() => closedLoop(CALLERS, count, reading, checkPage));
}

async function measured(work: () => Promise<Run>): Promise<Run> {
  const [services, others] = [cpuSecondsByServiceOf(platform), cpuSecondsBesidesOf()];
  const run = await work();
  const after = cpuSecondsByServiceOf(platform);
  console.log(`  µs each: ${cpuByService(services, after, run.items)}`);
  console.log(`  beside them: ${cpuByService(others, cpuSecondsBesidesOf(), run.items)}`);
  return { ...run, cpuSeconds: sumOf(after) - sumOf(services) };
}

/** The floor is two processes: its server, and the broker. */
async function measuredFloor(work: () => Promise<Run>): Promise<Run> {
  const [server, others] = [cpuSeconds(floor.pid), cpuSecondsBesidesOf()];
  const run = await work();
  const each = ((cpuSeconds(floor.pid) - server) * 1e6) / run.items;
  console.log(`  bare: server ${Math.round(each)}, ${cpuByService(others, cpuSecondsBesidesOf(), run.items)}`);
  return run;
}

async function createConversation(): Promise<string> {
  const { body: conversation } = await app.client.request("POST", `/apps/${app.appId}/conversations`, {
    body: { participants: ["layer:///identities/ann", "layer:///identities/bob"] },
  });
  const id = typeof conversation === "object" && conversation !== null && "id" in conversation ? conversation.id : "";
  return String(id).split("/").at(-1) ?? "";
}

interface Floor extends Disposable {
  readonly url: string;
  readonly pid: number;
}

async function startFloor(amqpUrl: string): Promise<Floor> {
  const child = fork(new URL("support/express-floor.ts", import.meta.url), {
    env: { ...process.env, AMQP_URL: amqpUrl },
  });
  const [message]: unknown[] = await once(child, "message");
  const port = typeof message === "object" && message !== null && "port" in message ? message.port : undefined;
  return {
    url: `http://127.0.0.1:${String(port)}/messages`,
    pid: Number(child.pid),
    [Symbol.dispose]() {
      child.kill();
    },
  };
}
