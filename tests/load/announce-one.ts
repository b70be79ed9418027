// "You have a new follower": announcements to one recipient each. The answer comes when the inbox entry is written, so its
// time is the time to the inbox. Beside it, a bare node:http server that inserts the same two documents per request.
import { randomUUID } from "node:crypto";
import { createServer } from "node:http";
import { partitionOf } from "@strata/contracts";
import { userIds } from "@strata/testing";
import { startPlatform } from "@strata/tests-platform";
import { cpuSecondsOf, peakRssMbOf } from "./support/processes.ts";
import { type Pair, printReport, type Run } from "./support/report.ts";

const ANNOUNCEMENTS = Number(process.argv[2] ?? 5_000);
const PAIRS = Number(process.argv[3] ?? 5);
const IN_FLIGHT = 50;

await using platform = await startPlatform("bench-announce-one");
const app = await platform.createApp();
const users = userIds(1_000);
await platform.insertUsers(app.appId, ["sender", ...users]);
const database = platform.db("announcement-fanout");
const batches = database.collection<{ _id: string; app: string }>("batches");

const headers = { authorization: `Bearer ${app.token}`, "content-type": "application/json" };
const bodyOf = (n: number): string =>
  JSON.stringify({
    recipients: [`layer:///identities/${users[n % users.length]}`],
    sender_id: "layer:///identities/sender",
    parts: [{ mime_type: "text/plain", body: "You have a new follower" }],
  });

await ours(1_000);
const pairs: Pair[] = [];
for (let round = 1; round <= PAIRS; round += 1) pairs.push({ ours: await ours(ANNOUNCEMENTS), floor: await floor() });
printReport("announce-one", ANNOUNCEMENTS, pairs, peakRssMbOf(platform));

async function ours(count: number): Promise<Run> {
  const before = await batches.countDocuments({ app: app.appId });
  const cpuBefore = cpuSecondsOf(platform);
  const run = await load(`${platform.baseUrl}/apps/${app.appId}/announcements`, count);
  const cpuSeconds = cpuSecondsOf(platform) - cpuBefore;
  const written = (await batches.countDocuments({ app: app.appId })) - before;
  if (written !== count) throw new Error(`${written} inbox entries for ${count} announcements`);
  return { ...run, cpuSeconds };
}

/** The same documents, one by one, with the same write concern; no checks, no broker, no events. */
async function floor(): Promise<Run> {
  const names = [randomUUID(), randomUUID()];
  const [announcements, inboxes] = names.map((name) => database.collection<{ _id: string }>(`floor_${name}`));
  if (!announcements || !inboxes) throw new Error("unreachable: two collections were named");
  await inboxes.createIndex({ app: 1, partition: 1, recipients: 1, at: -1, _id: 1 });
  const server = createServer((request, response) => {
    const chunks: Buffer[] = [];
    request.on("data", (chunk: Buffer) => chunks.push(chunk));
    request.on("end", () => {
      void (async () => {
        const body: unknown = JSON.parse(Buffer.concat(chunks).toString());
        const id = randomUUID();
        const user = userOf(body);
        const header = { _id: `${app.appId}/${id}`, app: app.appId, at: Date.now(), body };
        await announcements.insertOne(header);
        const partition = partitionOf(user);
        const batch = { app: app.appId, partition, at: Date.now(), recipients: [user] };
        await inboxes.insertOne({ _id: `${app.appId}/${id}/${partition}/0/000000`, ...batch });
        response.writeHead(202, { "content-type": "application/json" }).end(JSON.stringify({ id }));
      })();
    });
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  const address = server.address();
  if (address === null || typeof address === "string") throw new Error("the floor's server has no port");
  const run = await load(`http://127.0.0.1:${address.port}/`, ANNOUNCEMENTS);
  server.close();
  if ((await inboxes.countDocuments()) !== ANNOUNCEMENTS) throw new Error("the floor lost documents");
  await Promise.all([announcements.drop(), inboxes.drop()]);
  return run;
}

function userOf(body: unknown): string {
  const recipients = typeof body === "object" && body !== null && "recipients" in body ? body.recipients : null;
  const [first] = Array.isArray(recipients) ? recipients : [];
  return String(first).split("/").at(-1) ?? "";
}

/** A closed loop of 50 callers. */
async function load(url: string, count: number): Promise<Run> {
  const latenciesMs: number[] = [];
  let next = 0;
  const caller = async (): Promise<void> => {
    while (next < count) {
      const n = next;
      next += 1;
      const startedAt = performance.now();
      const response = await fetch(url, { method: "POST", headers, body: bodyOf(n) });
      const text = await response.text();
      if (response.status !== 202) throw new Error(`${response.status}: ${text}`);
      latenciesMs.push(performance.now() - startedAt);
    }
  };
  const startedAt = performance.now();
  await Promise.all(Array.from({ length: IN_FLIGHT }, caller));
  return { perSecond: count / ((performance.now() - startedAt) / 1_000), latenciesMs, items: count };
}
