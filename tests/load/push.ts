// Pushes per second of the service push-delivery as it runs in production: events of 1,000 recipients each come over
// RabbitMQ, their devices are in MongoDB, chunks are claimed, sent over TLS HTTP/2 to the local phone, and their outcomes
// stored. Beside it a bare node:http2 client with as many streams sends the same bodies to the same phone. APNs and FCM in
// turn; every run's pushes are counted by the phone and by the ledger.
import { randomUUID } from "node:crypto";
import { setTimeout as wait } from "node:timers/promises";
import { BatchStored, partitionKey, partitionOf } from "@strata/contracts";
import { probeBroker } from "@strata/messaging/testing";
import { devicesFor, startPlatform, type TestApp, type TestDevice } from "@strata/tests-platform";
import { z } from "zod";
import { startPhoneProcess } from "./support/phone-process.ts";
import { cpuSeconds, peakRssMb } from "./support/processes.ts";
import { authorizationOf, CredentialFiles } from "./support/push-authorization.ts";
import { type FloorPush, runPushFloor } from "./support/push-floor-client.ts";
import { type Pair, printReport, type Run } from "./support/report.ts";

const PUSHES = Number(process.argv[2] ?? 100_000);
const PAIRS = Number(process.argv[3] ?? 3);
const RECIPIENTS_PER_BATCH = 1_000;
const WARMING = 5_000;
const POLL_MS = 10;
const DEADLINE_MS = 120_000;
const QUEUE = "push-delivery.announcements";
/** No batch of the announcement itself is in it, so that ours have ids of their own. */
const SLICE = 1;

/** Sessions and streams as the service's own clients open them. */
const LANES = [
  { provider: "apns", kind: "apns", sessions: 1, streamsPerSession: 500 },
  { provider: "fcm", kind: "fcm_token", sessions: 4, streamsPerSession: 100 },
] as const;
type Lane = (typeof LANES)[number];

interface Batch {
  readonly partition: number;
  readonly n: number;
  readonly recipients: readonly string[];
}

const Stats = z.object({
  devices: z.number(),
  pushes: z.object({ received: z.number(), shown: z.number(), replaced: z.number() }),
});
const Received = z.object({
  devices: z.array(
    z.object({
      token: z.string(),
      received: z.array(
        z.object({ headers: z.record(z.string(), z.string()), payload: z.unknown(), user_id: z.string() }),
      ),
    }),
  ),
});
const Counted = z.object({ counts: z.object({ pushed: z.number(), failed: z.number() }) });

await using phone = await startPhoneProcess();
await using platform = await startPlatform("bench-push", {
  env: {
    "push-delivery": {
      FCM_URL: phone.fcmUrl,
      FCM_TOKEN_URL: `${phone.fcmUrl}/token`,
      APNS_URL: phone.fcmUrl,
      PUSH_CA_FILE: phone.caFile,
    },
  },
});
const { pid } = platform.service("push-delivery");
const chunks = platform.db("push-delivery").collection<{ _id: string; accepted: number }>("push_chunks");
await using broker = await probeBroker(platform.infra.amqpUrl);
const credentials = CredentialFiles.parse(await phone.control("GET", "/credentials"));

const batches = fullBatches(PUSHES);
const users = batches.flatMap(({ recipients }) => recipients);
const worlds: World[] = [];
for (const lane of LANES) worlds.push(await prepare(lane));

const pairs = new Map<World, Pair[]>(worlds.map((world) => [world, []]));
for (let round = 1; round <= PAIRS; round += 1) {
  for (const world of worlds) {
    const run = await ours(world, batches);
    pairs.get(world)?.push({ ours: run, floor: await floor(world) });
  }
}
const peakMb = peakRssMb(pid);
for (const [{ lane }, measured] of pairs) {
  console.log(`${lane.provider}: ${lane.sessions} × ${lane.streamsPerSession} streams`);
  for (const [index, { floor: bare }] of measured.entries()) {
    console.log(
      `pair ${index + 1}: the bare client used ${Math.round(((bare.cpuSeconds ?? 0) * 1e6) / bare.items)} µs a push`,
    );
  }
  printReport(`push-${lane.provider}`, PUSHES, measured, peakMb);
}

interface World {
  readonly lane: Lane;
  readonly app: TestApp;
  readonly devices: readonly TestDevice[];
  /** The bodies of a run of ours, for the floor. */
  readonly pushes: readonly FloorPush[];
}

/** An app of its own for each provider, warm, with what the phone got of it as the floor's work. */
async function prepare(lane: Lane): Promise<World> {
  const app = await platform.createApp();
  await platform.insertUsers(app.appId, ["sender", "nobody", ...users]);
  const devices = devicesFor(users, [lane.kind]);
  await platform.insertPhones(app, devices, credentials);
  const world = { lane, app, devices, pushes: [] };
  const warming = batches.slice(0, Math.max(1, Math.ceil(Math.min(WARMING, PUSHES) / RECIPIENTS_PER_BATCH)));
  await ours(world, warming);
  const warm = { ...world, pushes: await bodiesFor(world) };
  await floor({ ...warm, pushes: warm.pushes.slice(0, WARMING) });
  return warm;
}

/** Batches of 1,000 recipients, each of one partition, as the fan-out makes them of an audience that is large enough. */
function fullBatches(count: number): readonly Batch[] {
  const open = new Map<number, string[]>();
  const full: Batch[] = [];
  let left = count;
  for (let n = 1; left > 0; n += 1) {
    const user = `user-${n}`;
    const partition = partitionOf(user);
    const recipients = open.get(partition) ?? [];
    open.set(partition, recipients);
    recipients.push(user);
    if (recipients.length < Math.min(RECIPIENTS_PER_BATCH, left)) continue;
    full.push({ partition, n: full.length, recipients });
    left -= recipients.length;
    open.delete(partition);
  }
  return full;
}

/** From the first event to the last outcome in the ledger. */
async function ours({ app, lane }: World, work: readonly Batch[]): Promise<Run> {
  const items = work.reduce((sum, { recipients }) => sum + recipients.length, 0);
  const announcementId = await announce(app);
  await phone.control("POST", "/reset");
  const cpuBefore = cpuSeconds(pid);
  const startedAt = performance.now();
  await Promise.all(work.map((batch) => publish(app, announcementId, batch)));
  await untilSettled(app, announcementId, items);
  const seconds = (performance.now() - startedAt) / 1_000;
  const cpu = cpuSeconds(pid) - cpuBefore;
  await check(app, announcementId, items);
  console.log(
    `${lane.provider}: ${items} pushes in ${seconds.toFixed(2)} s, ${Math.round((cpu * 1e6) / items)} µs each`,
  );
  return { perSecond: items / seconds, cpuSeconds: cpu, items };
}

/** An announcement to somebody without a phone: it only says what is pushed. */
async function announce({ appId, client }: TestApp): Promise<string> {
  const announcementId = randomUUID();
  const body = {
    recipients: ["layer:///identities/nobody"],
    sender_id: "layer:///identities/sender",
    parts: [{ mime_type: "text/plain", body: "Your order is on its way" }],
    notification: {
      title: "Your order",
      text: "It is on its way and arrives tomorrow between 9 and 11",
      sound: "default",
    },
  };
  await client.request("POST", `/apps/${appId}/announcements`, { ifNoneMatch: announcementId, body });
  return announcementId;
}

/** Straight into the service's queue: the other consumers of batches are not what is measured. */
function publish({ appId }: TestApp, announcementId: string, { partition, n, recipients }: Batch): Promise<void> {
  const payload = BatchStored.payload.parse({
    announcementId,
    batchId: `${appId}/${announcementId}/${partitionKey(partition)}/${SLICE}/${String(n).padStart(6, "0")}`,
    partition,
    at: Date.now(),
    recipients,
    hasNotification: true,
  });
  const properties = { messageId: randomUUID(), type: BatchStored.type, appId };
  return broker.sendRaw(QUEUE, Buffer.from(JSON.stringify(payload)), properties);
}

async function untilSettled({ appId }: TestApp, announcementId: string, expected: number): Promise<void> {
  const _id = { $gte: `${appId}/${announcementId}/`, $lt: `${appId}/${announcementId}0` };
  for (const giveUpAt = Date.now() + DEADLINE_MS; Date.now() < giveUpAt; await wait(POLL_MS)) {
    const rows = await chunks.find({ _id }, { projection: { accepted: 1 } }).toArray();
    if (rows.reduce((sum, { accepted }) => sum + accepted, 0) >= expected) return;
  }
  throw new Error(`not all of ${expected} pushes were accepted in time`);
}

/** The phone's count and the ledger's, over the API, are the number of pushes. */
async function check({ appId, client }: TestApp, announcementId: string, expected: number): Promise<void> {
  const { devices, pushes } = Stats.parse(await phone.control("GET", "/stats"));
  const { body } = await client.request("GET", `/apps/${appId}/announcements/${announcementId}`);
  const { pushed, failed } = Counted.parse(body).counts;
  const found = [devices, pushes.received, pushes.shown, pushed];
  if (failed !== 0 || found.some((count) => count !== expected)) {
    throw new Error(
      `${expected} pushes, but the phone and the ledger say ${JSON.stringify({ devices, pushes, pushed, failed })}`,
    );
  }
}

/** What the phone got from us last, written for each device. */
async function bodiesFor({ lane, devices }: World): Promise<readonly FloorPush[]> {
  const latest = Received.parse(await phone.control("GET", "/devices?page_size=1")).devices[0];
  const push = latest?.received[0];
  if (latest === undefined || push === undefined) throw new Error("the phone has got nothing");
  const text = JSON.stringify(lane.provider === "fcm" ? { message: push.payload } : push.payload);
  return devices.map(({ token, userId }) => ({
    path:
      lane.provider === "fcm"
        ? `/v1/projects/${credentials.service_account.project_id}/messages:send`
        : `/3/device/${token}`,
    body: text.replace(latest.token, token).replace(`"${push.user_id}"`, `"${userId}"`),
    headers: lane.provider === "fcm" ? {} : { ...push.headers, "apns-id": randomUUID() },
  }));
}

async function floor({ lane, pushes }: World): Promise<Run> {
  await phone.control("POST", "/reset");
  const { seconds, cpuSeconds: cpu } = await runPushFloor({
    url: phone.fcmUrl,
    caFile: phone.caFile,
    sessions: lane.sessions,
    streamsPerSession: lane.streamsPerSession,
    headers: { authorization: await authorizationOf(lane.provider, credentials, phone.fcmUrl, phone.caFile) },
    pushes,
  });
  const counted = Stats.parse(await phone.control("GET", "/stats"));
  if (counted.pushes.received !== pushes.length) {
    throw new Error(`the floor sent ${pushes.length} pushes, and the phone got ${counted.pushes.received}`);
  }
  return { perSecond: pushes.length / seconds, cpuSeconds: cpu, items: pushes.length };
}
