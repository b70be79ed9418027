// Recipients per second of one announcement to 100,000 users, from the POST to the last inbox write, beside the raw driver
// writing the same batch documents: same index, same write concern, four writers. Every run's rows are checked. The users
// are named one by one, or (third argument: filter) all who match one filter.
import { randomUUID } from "node:crypto";
import { setTimeout as wait } from "node:timers/promises";
import { userIds } from "@strata/testing";
import { type Platform, startPlatform, type TestApp } from "@strata/tests-platform";
import type { Collection } from "mongodb";
import { cpuSecondsOf, peakRssMbOf } from "./support/processes.ts";
import { type Pair, printReport, type Run } from "./support/report.ts";

interface BatchRow {
  readonly _id: string;
  readonly recipients: readonly string[];
}

const RECIPIENTS = Number(process.argv[2] ?? 100_000);
const PAIRS = Number(process.argv[3] ?? 5);
const IS_FILTERED = process.argv[4] === "filter";
const WRITERS = 4;
const POLL_MS = 5;
const DEADLINE_MS = 120_000;

await using platform = await startPlatform("bench-fanout");
const app = await platform.createApp();
const users = userIds(RECIPIENTS);
await platform.insertUsers(app.appId, ["sender", ...users]);
const batches = platform.db("announcement-fanout").collection<BatchRow>("batches");

/** All but the sender. */
const audience = IS_FILTERED
  ? { audience: { filter: { field: "user_id", starts_with: "user-" } } }
  : { recipients: users.map((userId) => `layer:///identities/${userId}`) };

await ours(platform, app);
const pairs: Pair[] = [];
for (let round = 1; round <= PAIRS; round += 1) {
  const run = await ours(platform, app);
  pairs.push({ ours: run.run, floor: await floor(await batchesOf(run.announcementId)) });
}
printReport(IS_FILTERED ? "fanout-filter" : "fanout", RECIPIENTS, pairs, peakRssMbOf(platform));

async function ours({ baseUrl }: Platform, { appId, token }: TestApp): Promise<{ run: Run; announcementId: string }> {
  const announcementId = randomUUID();
  const body = JSON.stringify({
    ...audience,
    sender_id: "layer:///identities/sender",
    parts: [{ mime_type: "text/plain", body: "hello" }],
  });
  const cpuBefore = cpuSecondsOf(platform);
  const startedAt = performance.now();
  const response = await fetch(`${baseUrl}/apps/${appId}/announcements`, {
    method: "POST",
    headers: { authorization: `Bearer ${token}`, "content-type": "application/json", "if-none-match": announcementId },
    body,
  });
  const text = await response.text();
  if (response.status !== 202) throw new Error(`${response.status}: ${text}`);
  const acceptedMs = performance.now() - startedAt;
  const doneMs = await untilStored(announcementId, startedAt);
  const cpuSeconds = cpuSecondsOf(platform) - cpuBefore;
  console.log(`accepted after ${Math.round(acceptedMs)} ms, last inbox write after ${Math.round(doneMs)} ms`);
  await untilDistributed(announcementId);
  return { run: { perSecond: RECIPIENTS / (doneMs / 1_000), cpuSeconds, items: RECIPIENTS }, announcementId };
}

function idsOf(announcementId: string) {
  return { _id: { $gte: `${app.appId}/${announcementId}/`, $lt: `${app.appId}/${announcementId}0` } };
}

/** Polls by count of documents, which is cheap, and checks the recipients afterwards, which is not. */
async function untilStored(announcementId: string, startedAt: number): Promise<number> {
  const expected = await expectedBatches();
  for (;;) {
    const elapsedMs = performance.now() - startedAt;
    if ((await batches.countDocuments(idsOf(announcementId))) === expected) return performance.now() - startedAt;
    if (elapsedMs > DEADLINE_MS) throw new Error("the announcement was not distributed in time");
    await wait(POLL_MS);
  }
}

async function expectedBatches(): Promise<number> {
  const { partitionOf } = await import("@strata/contracts");
  const sizes = [...Map.groupBy(users, partitionOf).values()].map((group) => group.length);
  return sizes.reduce((sum, size) => sum + Math.ceil(size / 1_000), 0);
}

/** The next run begins when the workers are idle again. */
async function untilDistributed(announcementId: string): Promise<void> {
  const path = `/apps/${app.appId}/announcements/${announcementId}`;
  for (let tries = 0; tries < 500; tries += 1) {
    const { body } = await app.client.request("GET", path);
    if (JSON.stringify(body).includes('"state":"distributed"')) return;
    await wait(20);
  }
  throw new Error("the announcement was never distributed");
}

async function batchesOf(announcementId: string): Promise<readonly BatchRow[]> {
  const rows = await batches.find(idsOf(announcementId)).toArray();
  const stored = rows.flatMap(({ recipients }) => recipients);
  if (stored.length !== RECIPIENTS || new Set(stored).size !== RECIPIENTS) {
    throw new Error(
      `${stored.length} inbox entries, ${new Set(stored).size} of them different, for ${RECIPIENTS} users`,
    );
  }
  return rows;
}

/** The same documents into a fresh collection with the same index, one insert a document, as the pipeline writes them. */
async function floor(rows: readonly BatchRow[]): Promise<Run> {
  const fresh: Collection<BatchRow> = platform.db("announcement-fanout").collection(`floor_${randomUUID()}`);
  await fresh.createIndex({ app: 1, partition: 1, recipients: 1, at: -1, _id: 1 });
  const queue = rows.values();
  const startedAt = performance.now();
  const write = async (): Promise<void> => {
    for (const row of queue) await fresh.insertOne(row, { writeConcern: { w: "majority", journal: true } });
  };
  await Promise.all(Array.from({ length: WRITERS }, write));
  const seconds = (performance.now() - startedAt) / 1_000;
  if ((await fresh.countDocuments()) !== rows.length) throw new Error("the floor lost documents");
  await fresh.drop();
  return { perSecond: RECIPIENTS / seconds, items: RECIPIENTS };
}
