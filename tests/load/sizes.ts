// What grows with the number of users, and what must not: an announcement by a filter to 10,000, 100,000 and 1,000,000
// users (the cost of a recipient, memory, how long the POST takes), how soon one to everyone is in any inbox, how long
// counts and pages take at that size, and how long direct messages take meanwhile. Every announcement's rows are counted.
import { randomUUID } from "node:crypto";
import { setTimeout as wait } from "node:timers/promises";
import { userIds } from "@strata/testing";
import { startPlatform, type TestApp } from "@strata/tests-platform";
import { z } from "zod";
import { closedLoop, type HttpCall } from "./support/closed-loop.ts";
import { cpuSecondsOf, peakRssByServiceOf, resetPeakRssOf } from "./support/processes.ts";
import { percentile } from "./support/report.ts";

const LARGEST = Number(process.argv[2] ?? 1_000_000);
const SIZES = [LARGEST / 100, LARGEST / 10, LARGEST];
const VISIBLE_ROUNDS = Number(process.argv[3] ?? 50);
const READS = 200;
/** An app opens its user's inbox again and again. */
const READERS = 50;
const POSTS = 5;
const DIRECT_MESSAGES = 200;
const DIRECT_EVERY_MS = 40;
const DEADLINE_MS = 600_000;
/** All but two. */
const AUDIENCE = { audience: { filter: { field: "user_id", starts_with: "user-" } } };

const Status = z.object({ state: z.string(), counts: z.object({ recipients: z.number(), sent: z.number() }) });
const Id = z.object({ id: z.string() });

interface Size {
  readonly app: TestApp;
  readonly users: readonly string[];
}

/** The last one that is everywhere. */
let latest = { announcementId: "" };

const env = { "announcement-fanout": { FANOUT_STEPS: process.env["FANOUT_STEPS"] ?? "2" } };
await using platform = await startPlatform("bench-sizes", { env });
const sizes: Size[] = [];
for (const size of SIZES) {
  const app = await platform.createApp();
  const users = userIds(size);
  await platform.insertUsers(app.appId, ["sender", "bob", ...users]);
  sizes.push({ app, users });
}
// Warm: what is measured first would pay for it.
for (const { app, users } of sizes.slice(0, 1)) await announceAndWait(app, users.length);

const rows: Record<string, unknown>[] = [];
for (const size of sizes) rows.push({ n: size.users.length, ...(await fanOut(size)), ...(await reading(size)) });
const largest = sizes.at(-1);
if (!largest) throw new Error("no size");
const visible = await everyoneVisible(largest);
const interference = await directMessages(largest);
for (const row of rows) console.log(JSON.stringify(row));
console.log(JSON.stringify({ bench: "sizes", n: LARGEST, everyone_visible: visible, direct_messages: interference }));

/** One announcement by a filter, until it is everywhere and nobody works on it any more. */
async function fanOut({ app, users }: Size) {
  const postMs = await postLatency(app);
  resetPeakRssOf(platform);
  const cpuBefore = cpuSecondsOf(platform);
  const startedAt = performance.now();
  const { distributedMs } = await announceAndWait(app, users.length);
  await untilIdle();
  const cpuSeconds = cpuSecondsOf(platform) - cpuBefore;
  return {
    post_ms: postMs,
    recipients_per_s: Math.round(users.length / (distributedMs / 1_000)),
    all_done_s: round((performance.now() - startedAt) / 1_000),
    cpu_us_per_recipient: round((cpuSeconds * 1e6) / users.length),
    peak_rss_mb: peakRssByServiceOf(platform),
  };
}

/** Of some that start later, and are taken back before that: else the first would slow the next. */
async function postLatency(app: TestApp): Promise<number> {
  const times: number[] = [];
  for (let n = 0; n < POSTS; n += 1) {
    const schedule = { at: new Date(Date.now() + 3_600_000).toISOString() };
    const { announcementId, acceptedMs } = await announce(app, { ...AUDIENCE, schedule });
    times.push(acceptedMs);
    await call(app, "DELETE", `/announcements/${announcementId}`);
  }
  return round(percentile(times, 0.5));
}

/** One caller, one request after the other: what a person waits for who looks at it. */
async function reading({ app, users }: Size) {
  const { announcementId } = latest;
  const readers = users.slice(0, 5_000);
  for (let first = 0; first < readers.length; first += 1_000) {
    const receipts = readers.slice(first, first + 1_000).map((userId) => ({ user_id: userId, type: "read" }));
    await call(app, "POST", `/announcements/${announcementId}/receipts`, { receipts });
  }
  const path = `/announcements/${announcementId}`;
  return {
    counts: await latencies(app, () => path),
    page_of_readers: await latencies(app, () => `${path}/recipients?status=read&page_size=100`),
    page_of_unread: await latencies(app, () => `${path}/recipients?status=unread&page_size=100`),
    inbox_page: await latencies(
      app,
      (n) => `/users/${users[((n % READERS) * 7_919) % users.length]}/announcements?page_size=20`,
    ),
  };
}

async function latencies(app: TestApp, pathOf: (n: number) => string) {
  const { latenciesMs = [] } = await closedLoop(1, READS, (n) => getting(app, pathOf(n)));
  return { p50_ms: round(percentile(latenciesMs, 0.5)), p99_ms: round(percentile(latenciesMs, 0.99)) };
}

/** From the answer to the POST until a user chosen at random sees it; then it is recalled, or the next ones would wait for its roster. */
async function everyoneVisible({ app, users }: Size) {
  const times: number[] = [];
  for (let n = 0; n < VISIBLE_ROUNDS; n += 1) {
    const userId = users[Math.floor(Math.random() * users.length)] ?? "";
    const { announcementId } = await announce(app, { audience: { everyone: true }, expected_count: users.length + 2 });
    const acceptedAt = performance.now();
    while (!(await inboxOf(app, userId)).includes(announcementId)) {
      if (performance.now() - acceptedAt > DEADLINE_MS) throw new Error("never in her inbox");
    }
    times.push(performance.now() - acceptedAt);
    await call(app, "DELETE", `/announcements/${announcementId}`);
  }
  await untilIdle();
  return {
    rounds: times.length,
    p50_ms: round(percentile(times, 0.5)),
    p99_ms: round(percentile(times, 0.99)),
    max_ms: round(Math.max(...times)),
  };
}

/** Messages from user to user at a slow pace: alone, and while everybody is announced to. */
async function directMessages({ app, users }: Size) {
  const body = { participants: ["layer:///identities/sender", "layer:///identities/bob"] };
  const { id } = Id.parse(JSON.parse(await call(app, "POST", "/conversations", body)));
  const path = `/conversations/${id.split("/").at(-1)}/messages`;
  await sendDirect(app, path);
  const idle = await sendDirect(app, path);
  const announcing = announceAndWait(app, users.length);
  const meanwhile = await sendDirect(app, path);
  const isStillGoing = await Promise.race([announcing.then(() => false), wait(0, true)]);
  await announcing;
  const [p99Idle, p99Meanwhile] = [percentile(idle, 0.99), percentile(meanwhile, 0.99)];
  return {
    covered: isStillGoing,
    idle_p50_ms: round(percentile(idle, 0.5)),
    idle_p99_ms: round(p99Idle),
    meanwhile_p50_ms: round(percentile(meanwhile, 0.5)),
    meanwhile_p99_ms: round(p99Meanwhile),
    ratio_p99: round(p99Meanwhile / p99Idle),
  };
}

/** An open loop: a slow answer does not make the next one come later. */
async function sendDirect(app: TestApp, path: string): Promise<readonly number[]> {
  const body = {
    sender_id: "layer:///identities/sender",
    parts: [{ mime_type: "text/plain", body: "Are you there?" }],
  };
  const sends: Promise<number>[] = [];
  for (let n = 0; n < DIRECT_MESSAGES; n += 1) {
    const startedAt = performance.now();
    sends.push(call(app, "POST", path, body).then(() => performance.now() - startedAt));
    await wait(DIRECT_EVERY_MS);
  }
  return Promise.all(sends);
}

async function announceAndWait(app: TestApp, expected: number) {
  const startedAt = performance.now();
  const { announcementId } = await announce(app, AUDIENCE);
  for (const giveUpAt = Date.now() + DEADLINE_MS; ; await wait(20)) {
    if (Date.now() > giveUpAt) throw new Error("the announcement was not distributed in time");
    const { state } = Status.parse(JSON.parse(await call(app, "GET", `/announcements/${announcementId}`)));
    if (state === "distributed") break;
  }
  const distributedMs = performance.now() - startedAt;
  await checkRows(app, announcementId, expected);
  latest = { announcementId };
  return { distributedMs };
}

/** Counts and rows, both, and nobody twice. */
async function checkRows({ appId, ...app }: TestApp, announcementId: string, expected: number): Promise<void> {
  const { counts } = Status.parse(JSON.parse(await call({ appId, ...app }, "GET", `/announcements/${announcementId}`)));
  const batches = platform.db("announcement-fanout").collection<{ _id: string; recipients: string[] }>("batches");
  const key = { $gte: `${appId}/${announcementId}/`, $lt: `${appId}/${announcementId}0` };
  const [all] = await batches
    .aggregate<{ n: number }>([
      { $match: { _id: key } },
      { $group: { _id: null, n: { $sum: { $size: "$recipients" } } } },
    ])
    .toArray();
  if (counts.sent !== expected || all?.n !== expected) {
    throw new Error(`${counts.sent} counted, ${all?.n} stored, for ${expected} users`);
  }
}

async function announce(app: TestApp, audience: object) {
  const announcementId = randomUUID();
  const parts = [{ mime_type: "text/plain", body: "hello" }];
  const startedAt = performance.now();
  const body = { ...audience, sender_id: "layer:///identities/sender", parts };
  await call(app, "POST", "/announcements", body, { "If-None-Match": announcementId });
  return { announcementId, acceptedMs: performance.now() - startedAt };
}

function inboxOf(app: TestApp, userId: string): Promise<string> {
  return call(app, "GET", `/users/${userId}/announcements?page_size=1`);
}

/** Two looks in a row at which the services did next to nothing. */
async function untilIdle(): Promise<void> {
  const LOOK_MS = 500;
  const giveUpAt = Date.now() + DEADLINE_MS;
  for (let quiet = 0; quiet < 2;) {
    if (Date.now() > giveUpAt) throw new Error("the services never came to rest");
    const before = cpuSecondsOf(platform);
    await wait(LOOK_MS);
    quiet = cpuSecondsOf(platform) - before < 0.1 ? quiet + 1 : 0;
  }
}

function getting({ appId, token }: TestApp, path: string): HttpCall {
  const headers = { Authorization: `Bearer ${token}` };
  return { method: "GET", url: `${platform.baseUrl}/apps/${appId}${path}`, headers, expectedStatus: 200 };
}

async function call({ appId, token }: TestApp, method: string, path: string, body?: object, more = {}) {
  const response = await fetch(`${platform.baseUrl}/apps/${appId}${path}`, {
    method,
    headers: { Authorization: `Bearer ${token}`, "Content-Type": "application/json", ...more },
    ...(body === undefined ? {} : { body: JSON.stringify(body) }),
  });
  const text = await response.text();
  if (!response.ok) throw new Error(`${method} ${path}: ${response.status} ${text.slice(0, 500)}`);
  return text;
}

function round(value: number): number {
  return Number(value.toFixed(1));
}
