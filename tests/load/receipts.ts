// Receipts per second, reported by a backend 1,000 at a time, from the first POST until the announcement's counts say all of
// them, beside the raw driver inserting the same rows with the same write concern. Rows and counts of every run are checked.
import { randomUUID } from "node:crypto";
import { setTimeout as wait } from "node:timers/promises";
import { userIds } from "@strata/testing";
import { startPlatform } from "@strata/tests-platform";
import { z } from "zod";
import { cpuSecondsOf, peakRssMbOf } from "./support/processes.ts";
import { type Pair, printReport, type Run } from "./support/report.ts";

interface ReceiptRow {
  readonly _id: string;
}

const RECIPIENTS = Number(process.argv[2] ?? 100_000);
const PAIRS = Number(process.argv[3] ?? 5);
const PER_REQUEST = 1_000;
const IN_FLIGHT = 8;
const WRITERS = 4;
const POLL_MS = 10;
const DEADLINE_MS = 120_000;

const Status = z.object({
  state: z.string(),
  counts: z.object({ delivered: z.number(), read: z.number() }),
});

await using platform = await startPlatform("bench-receipts");
const app = await platform.createApp();
const users = userIds(RECIPIENTS);
await platform.insertUsers(app.appId, ["sender", ...users]);
const database = platform.db("receipt-tracking");
const receipts = database.collection<ReceiptRow>("receipts");
const headers = { authorization: `Bearer ${app.token}`, "content-type": "application/json" };

/** Everybody has it, and every other one has read it, in the order in which phones answer: none. */
const reports = users
  .flatMap((user, n) => (n % 2 === 0 ? [row(user, "delivered"), row(user, "read")] : [row(user, "delivered")]))
  .map((report, n) => ({ report, order: (n * 7_919) % 1_000_003 }))
  .toSorted((a, b) => a.order - b.order)
  .map(({ report }) => report);
const reads = Math.ceil(RECIPIENTS / 2);

await ours();
const pairs: Pair[] = [];
for (let round = 1; round <= PAIRS; round += 1) {
  const { run, announcementId } = await ours();
  pairs.push({ ours: run, floor: await floor(announcementId) });
}
printReport("receipts", reports.length, pairs, peakRssMbOf(platform));

function row(userId: string, type: "delivered" | "read") {
  return { user_id: `layer:///identities/${userId}`, type };
}

async function ours(): Promise<{ run: Run; announcementId: string }> {
  const announcementId = await announce();
  const bodies = chunksOf(reports, PER_REQUEST).map((some) => JSON.stringify({ receipts: some }));
  const latenciesMs: number[] = [];
  const cpuBefore = cpuSecondsOf(platform);
  const startedAt = performance.now();
  await inParallel(bodies, IN_FLIGHT, async (body) => {
    const sentAt = performance.now();
    await call("POST", `/${announcementId}/receipts`, 200, body);
    latenciesMs.push(performance.now() - sentAt);
  });
  const acceptedMs = performance.now() - startedAt;
  await until(announcementId, ({ counts }) => counts.delivered === RECIPIENTS && counts.read === reads);
  const doneMs = performance.now() - startedAt;
  const cpuSeconds = cpuSecondsOf(platform) - cpuBefore;
  console.log(`all accepted after ${Math.round(acceptedMs)} ms, counted after ${Math.round(doneMs)} ms`);
  const stored = await receipts.countDocuments(idsOf(announcementId));
  if (stored !== reports.length) throw new Error(`${stored} rows for ${reports.length} receipts`);
  const run = { perSecond: reports.length / (doneMs / 1_000), latenciesMs, cpuSeconds, items: reports.length };
  return { run, announcementId };
}

/** The same rows, 1,000 at a time, without looking whether they are there, by four writers at once. */
async function floor(announcementId: string): Promise<Run> {
  const rows = await receipts.find(idsOf(announcementId)).toArray();
  const name = `floor_${randomUUID()}`;
  const copy = database.collection<ReceiptRow>(name);
  await database.createCollection(name);
  const startedAt = performance.now();
  await inParallel(chunksOf(rows, PER_REQUEST), WRITERS, async (some) => {
    await copy.insertMany([...some], { ordered: false, writeConcern: { w: "majority" } });
  });
  const seconds = (performance.now() - startedAt) / 1_000;
  if ((await copy.countDocuments()) !== rows.length) throw new Error("the floor lost rows");
  await copy.drop();
  return { perSecond: rows.length / seconds, items: rows.length };
}

async function announce(): Promise<string> {
  const announcementId = randomUUID();
  const body = JSON.stringify({
    recipients: users.map((userId) => `layer:///identities/${userId}`),
    sender_id: "layer:///identities/sender",
    parts: [{ mime_type: "text/plain", body: "hello" }],
  });
  await call("POST", "", 202, body, { "if-none-match": announcementId });
  await until(announcementId, ({ state }) => state === "distributed");
  return announcementId;
}

async function call(method: string, path: string, expected: number, body?: string, more = {}): Promise<string> {
  const response = await fetch(`${platform.baseUrl}/apps/${app.appId}/announcements${path}`, {
    method,
    headers: { ...headers, ...more },
    ...(body === undefined ? {} : { body }),
  });
  const text = await response.text();
  if (response.status !== expected) throw new Error(`${response.status}: ${text.slice(0, 500)}`);
  return text;
}

async function until(announcementId: string, isReached: (status: z.infer<typeof Status>) => boolean): Promise<void> {
  for (const giveUpAt = Date.now() + DEADLINE_MS; Date.now() < giveUpAt; await wait(POLL_MS)) {
    if (isReached(Status.parse(JSON.parse(await call("GET", `/${announcementId}`, 200))))) return;
  }
  throw new Error("the announcement did not come so far in time");
}

function idsOf(announcementId: string) {
  return { _id: { $gte: `${app.appId}/${announcementId}/`, $lt: `${app.appId}/${announcementId}0` } };
}

function chunksOf<T>(items: readonly T[], size: number): readonly (readonly T[])[] {
  return Array.from({ length: Math.ceil(items.length / size) }, (_, n) => items.slice(n * size, (n + 1) * size));
}

/** Works through all of them, so many at once. */
async function inParallel<T>(items: readonly T[], workers: number, work: (item: T) => Promise<void>): Promise<void> {
  const queue = items.values();
  await Promise.all(
    Array.from({ length: workers }, async () => {
      for (const item of queue) await work(item);
    }),
  );
}
