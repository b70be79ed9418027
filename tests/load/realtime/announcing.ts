import { randomUUID } from "node:crypto";
import { setTimeout as wait } from "node:timers/promises";
import { cpuByService, cpuSecondsBesidesOf, sumOf } from "../support/processes.ts";
import type { Pair, Run } from "../support/report.ts";
import { type Floor, startFloor } from "./floor.ts";
import { nowMs } from "./protocol.ts";
import type { Swarm } from "./swarm.ts";

/** Users who are all there, and what announces to them. */
export interface Audience {
  readonly swarm: Swarm;
  /** Where each of them opens her socket. */
  readonly urls: readonly string[];
  /** Announces to the first `count` of them; each packet of it holds this id. */
  announce(count: number, announcementId: string): Promise<void>;
  /** What each process of ours has used so far. */
  cpuSeconds(): Readonly<Record<string, number>>;
}

const OURS = "announced";
const FLOOR = "announced floor";
const DEADLINE_MS = 120_000;
/** For what would come twice. */
const LATE_MS = 1_000;

/**
 * One announcement to so many users who are all there, from the POST to the last socket, beside the bare server sending a
 * packet of the same length to as many sockets of its own. Every socket is to get it once.
 */
export async function announcements(audience: Audience, count: number, pairs: number): Promise<readonly Pair[]> {
  const { swarm, urls } = audience;
  await using floor = await startFloor();
  await swarm.ask({ kind: "open", group: OURS, urls: urls.slice(0, count) });
  await swarm.ask({ kind: "open", group: FLOOR, urls: Array.from({ length: count }, () => floor.url) });
  const warm = await ours(audience, count);
  await bare(audience, floor, count, warm.sample);
  const measured: Pair[] = [];
  for (let round = 1; round <= pairs; round += 1) {
    const { run, sample } = await ours(audience, count);
    measured.push({ ours: run, floor: await bare(audience, floor, count, sample) });
  }
  await swarm.ask({ kind: "drop", group: OURS });
  await swarm.ask({ kind: "drop", group: FLOOR });
  return measured;
}

async function ours(audience: Audience, count: number): Promise<{ readonly run: Run; readonly sample: string }> {
  const announcementId = randomUUID();
  await audience.swarm.ask({ kind: "watch", group: OURS, marker: announcementId });
  const [before, others] = [audience.cpuSeconds(), cpuSecondsBesidesOf()];
  const startedAtMs = nowMs();
  await audience.announce(count, announcementId);
  const acceptedMs = nowMs() - startedAtMs;
  const { lastAtMs } = await audience.swarm.ask({ kind: "reached", group: OURS, deadlineMs: DEADLINE_MS });
  const [after, othersAfter] = [audience.cpuSeconds(), cpuSecondsBesidesOf()];
  const byService = cpuByService(before, after, count);
  const ms = lastAtMs - startedAtMs;
  const sample = await checked(audience, OURS, count);
  console.log(
    `accepted after ${Math.round(acceptedMs)} ms, at the last of ${count} sockets after ${Math.round(ms)} ms, ${sample.length} bytes each`,
  );
  console.log(`processor time of a delivery, in µs: ${byService}`);
  console.log(`  beside them: ${cpuByService(others, othersAfter, count)}`);
  return { run: { perSecond: (count * 1_000) / ms, cpuSeconds: sumOf(after) - sumOf(before), items: count }, sample };
}

async function bare({ swarm }: Audience, floor: Floor, count: number, sample: string): Promise<Run> {
  const marker = randomUUID();
  await swarm.ask({ kind: "watch", group: FLOOR, marker });
  const startedAtMs = await floor.broadcast(`${marker}${sample.slice(marker.length)}`);
  const { lastAtMs } = await swarm.ask({ kind: "reached", group: FLOOR, deadlineMs: DEADLINE_MS });
  await checked({ swarm }, FLOOR, count);
  return { perSecond: (count * 1_000) / (lastAtMs - startedAtMs), items: count };
}

/** Once at each socket; answers the packet. */
async function checked({ swarm }: Pick<Audience, "swarm">, group: string, count: number): Promise<string> {
  await wait(LATE_MS);
  const { reached, packets, lost, sample } = await swarm.ask({ kind: "report", group });
  if (reached !== count || packets !== count || lost > 0) {
    throw new Error(`${packets} packets at ${reached} of ${count} sockets, ${lost} of which were lost`);
  }
  return sample;
}
