import { setTimeout as wait } from "node:timers/promises";
import { partitionOf } from "@strata/contracts";
import { eventually } from "@strata/testing";
import {
  devicesFor,
  type Platform,
  type ServiceName,
  startPlatform,
  type TestApp,
  type TestDevice,
} from "@strata/tests-platform";
import { z } from "zod";
import { announce, type Sent } from "./checker.ts";
import { deadLettersOf } from "./kill-at-work.ts";
import { seededRandom } from "./seeded-random.ts";

export interface PushScenario {
  readonly name: string;
  readonly seed: number;
  readonly kills: number;
  /** Users with a phone each, an equal share of them for each kill; every other phone is an iPhone. */
  readonly phones: number;
  /** A build with a planted fault, in place of a service's own. */
  readonly main?: Partial<Record<ServiceName, URL>>;
}

/** What a checker outside found, from what the phone got, the rows at the moments of the kills, and what the API says. */
export interface PushFindings {
  /** Pushes of claimed chunks at each kill: so many may come twice, and no others. */
  readonly inFlight: readonly number[];
  /** Devices that got nothing. */
  readonly missed: number;
  /** Devices that got it more often than its chunk was in flight at a kill. */
  readonly repeatedUnasked: number;
  readonly repeated: number;
  /** Devices that do not show exactly one notification, or got another collapse id with a repeat. */
  readonly shownWrong: number;
  /** Announcements whose counts over the API are not what the phone's devices got. */
  readonly ledgerWrong: readonly string[];
  /** What still waits, in rows and in queues. */
  readonly left: Readonly<Record<string, number>>;
  readonly deadLetters: Readonly<Record<string, number>>;
}

const Pending = z.array(z.object({ token: z.string() }));
interface ChunkRow {
  readonly _id: string;
  readonly holder: string;
  readonly dueAt: number | null;
  readonly pending: readonly unknown[];
}

/** So few that their batches, and with them their chunks, are large: a kill then hits the middle of one. */
const PARTITIONS = 8;
/** A kill waits until so much of an announcement has reached the phones, at random between the two. */
const [EARLIEST, LATEST] = [0.02, 0.7];
const LOOK_MS = 1;
/** A killed chunk stands still for the 10 s of its lease. */
const DONE_DEADLINE_MS = 60_000;

/** Announces to many phones, and kills push-delivery at a random moment of each announcement's pushes; then looks. */
export async function runPushKills(scenario: PushScenario): Promise<PushFindings> {
  await using platform = await startPlatform(scenario.name, scenario.main ? { main: scenario.main } : {});
  const app = await platform.createApp();
  const users = usersOf(scenario.phones);
  const devices = devicesFor(users);
  await platform.insertUsers(app.appId, ["sender", ...users]);
  await platform.insertPhones(app, devices);

  const random = seededRandom(scenario.seed);
  const perKill = Math.floor(users.length / scenario.kills);
  const sent: Sent[] = [];
  const killed = new KilledChunks(platform);
  for (let round = 0; round < scenario.kills; round += 1) {
    const share = EARLIEST + random() * (LATEST - EARLIEST);
    const reached = received(platform) + Math.ceil(share * perKill);
    sent.push(await announce(app, users.slice(round * perKill, (round + 1) * perKill)));
    while (received(platform) < reached) await wait(LOOK_MS);
    await killed.kill();
    await platform.start("push-delivery");
  }
  await untilDone(platform);
  return {
    inFlight: killed.inFlight,
    ...repeatsOf(platform, devices, killed.times),
    ledgerWrong: await ledgerFaults(platform, app, sent, devices),
    left: await leftOf(platform),
    deadLetters: await deadLettersOf(platform),
  };
}

const received = ({ phone }: Platform): number => phone.stats().pushes.received;

function usersOf(count: number): readonly string[] {
  const users: string[] = [];
  for (let n = 1; users.length < count; n += 1) if (partitionOf(`user-${n}`) < PARTITIONS) users.push(`user-${n}`);
  return users;
}

/** Kills, and notes from the frozen process's rows what it was sending. */
class KilledChunks {
  /** How many kills hit the sending of a token's chunk. */
  readonly times = new Map<string, number>();
  readonly inFlight: number[] = [];
  /** Claims that ended with an earlier kill: their rows look claimed until the lease runs out. */
  readonly #ended = new Set<string>();
  readonly #platform: Platform;

  constructor(platform: Platform) {
    this.#platform = platform;
  }

  async kill(): Promise<void> {
    const process = this.#platform.service("push-delivery");
    process.signal("SIGSTOP");
    const rows = await chunksOf(this.#platform)
      .find({ dueAt: { $gt: 0 } })
      .toArray();
    const claims = rows.filter(({ _id, holder }) => !this.#ended.has(`${_id} ${holder}`));
    for (const { _id, holder } of claims) this.#ended.add(`${_id} ${holder}`);
    const tokens = claims.flatMap(({ pending }) => Pending.parse(pending).map(({ token }) => token));
    for (const token of tokens) this.times.set(token, (this.times.get(token) ?? 0) + 1);
    this.inFlight.push(tokens.length);
    await process.kill("SIGKILL");
  }
}

const chunksOf = (platform: Platform) => platform.db("push-delivery").collection<ChunkRow>("push_chunks");

async function untilDone(platform: Platform): Promise<void> {
  const isDone = async (): Promise<boolean> => Object.keys(await leftOf(platform)).length === 0;
  // What is left is a finding, not a failure to look.
  await eventually(isDone, true, { deadlineMs: DONE_DEADLINE_MS, everyMs: 250 }).catch(() => undefined);
}

async function leftOf(platform: Platform): Promise<Readonly<Record<string, number>>> {
  const chunks = await chunksOf(platform).countDocuments({ dueAt: { $gt: 0 } });
  const queues = Object.entries(await platform.infra.management.depths()).filter(
    ([name, depth]) => name.startsWith("push-delivery.") && depth > 0,
  );
  return Object.fromEntries(chunks > 0 ? [...queues, ["push_chunks", chunks]] : queues);
}

function repeatsOf({ phone }: Platform, devices: readonly TestDevice[], killedTimes: ReadonlyMap<string, number>) {
  const found = { missed: 0, repeated: 0, repeatedUnasked: 0, shownWrong: 0 };
  for (const { token } of devices) {
    const { received_count: times, shown_count: shown, received: pushes } = phone.device(token);
    if (times === 0) found.missed += 1;
    if (times > 1) found.repeated += 1;
    if (times > 1 + (killedTimes.get(token) ?? 0)) found.repeatedUnasked += 1;
    const collapseIds = new Set(pushes.map(({ collapse_id: id }) => id));
    if (times > 0 && (shown !== 1 || collapseIds.size !== 1 || collapseIds.has(null))) found.shownWrong += 1;
  }
  return found;
}

const Status = z.object({ counts: z.object({ pushed: z.number(), failed: z.number() }) });

async function ledgerFaults(
  { phone }: Platform,
  { appId, client }: TestApp,
  sent: readonly Sent[],
  devices: readonly TestDevice[],
): Promise<readonly string[]> {
  const tokens = new Map(devices.map(({ userId, token }) => [userId, token]));
  const faults: string[] = [];
  for (const { announcementId, recipients } of sent) {
    const { body } = await client.request("GET", `/apps/${appId}/announcements/${announcementId}`);
    const { pushed, failed } = Status.parse(body).counts;
    const reached = recipients.filter((userId) => phone.device(tokens.get(userId) ?? "").received_count > 0).length;
    if (pushed === reached && failed === 0) continue;
    faults.push(`${announcementId}: ${reached} devices, the ledger says ${pushed} pushed and ${failed} failed`);
  }
  return faults;
}
