import { randomUUID } from "node:crypto";
import { setTimeout as wait } from "node:timers/promises";
import type { HttpCall } from "../support/closed-loop.ts";
import { openLoop } from "../support/open-loop.ts";
import { peakRssMb, resetPeakRss } from "../support/processes.ts";
import { percentile } from "../support/report.ts";
import { nowMs } from "./protocol.ts";
import { announce, type World } from "./world.ts";

export interface CameBack {
  readonly sockets: number;
  /** From when the first tried until the last had what it missed, and was told that this was all. */
  readonly seconds: number;
  /** Upgrades that were refused or broke, and were tried again. */
  readonly refused: number;
  /** Replays that were answered 503, and were asked for again. */
  readonly failedReplays: number;
  /** A light GET at a fixed rate, before and meanwhile. */
  readonly quietRestP99Ms: number;
  readonly restP99Ms: number;
  /** Of the realtime process. */
  readonly peakRssMb: number;
}

const GROUP = "coming back";
const READS_PER_SECOND = 50;
const QUIET_READS = 250;
const DEADLINE_MS = 300_000;
const LOG_DEADLINE_MS = 60_000;
const POLL_MS = 50;

/** All sockets end at once, an announcement goes to everybody meanwhile, and then all come back at once and catch up. */
export async function comingBack(world: World, count: number): Promise<CameBack> {
  const { swarm, urls, realtimePid } = world;
  await swarm.ask({ kind: "open", group: GROUP, urls: urls.slice(0, count) });
  const quietRestP99Ms = await restP99Ms(world, (n) => n < QUIET_READS);
  resetPeakRss(realtimePid);
  const since = new Date().toISOString();
  await swarm.ask({ kind: "drop", group: GROUP });
  const announcementId = randomUUID();
  await swarm.ask({ kind: "watch", group: GROUP, marker: announcementId });
  await announce(world, count, announcementId);
  await untilLogged(world, announcementId, count);

  const returned = { isDone: false };
  const reading = restP99Ms(world, () => !returned.isDone);
  const startedAtMs = nowMs();
  const { caughtUpAtMs } = await swarm
    .ask({ kind: "return", group: GROUP, since, deadlineMs: DEADLINE_MS })
    .finally(() => (returned.isDone = true));
  const back = {
    sockets: count,
    seconds: (caughtUpAtMs - startedAtMs) / 1_000,
    quietRestP99Ms,
    restP99Ms: await reading,
    peakRssMb: peakRssMb(realtimePid),
  };
  const { open, reached, caughtUp, lost, refused, failedReplays } = await swarm.ask({ kind: "report", group: GROUP });
  if ([open, reached, caughtUp].some((number) => number !== count) || lost > 0) {
    throw new Error(`of ${count} sockets ${open} are open, ${reached} got what they missed, ${lost} were lost again`);
  }
  await swarm.ask({ kind: "drop", group: GROUP });
  console.log(
    `${count} sockets came back and caught up in ${back.seconds.toFixed(1)} s (${refused} upgrades and ${failedReplays} replays failed at first); a GET meanwhile: p99 ${back.restP99Ms.toFixed(1)} ms, before ${quietRestP99Ms.toFixed(1)} ms; at most ${back.peakRssMb} MB`,
  );
  return { ...back, refused, failedReplays };
}

async function restP99Ms({ platform, app, headers, users }: World, goesOn: (n: number) => boolean): Promise<number> {
  const callOf = (n: number): HttpCall => ({
    method: "GET",
    url: `${platform.baseUrl}/apps/${app.appId}/users/${users[n % users.length]}/identity`,
    headers,
    expectedStatus: 200,
  });
  const timed = await openLoop({ perSecond: READS_PER_SECOND, callOf, nowMs, goesOn });
  return percentile(
    timed.map(({ dueAtMs, answeredAtMs }) => answeredAtMs - dueAtMs),
    0.99,
  );
}

/** Nothing is to be found in the log before it is there, however late: that is not what is measured. */
async function untilLogged({ platform, app }: World, announcementId: string, count: number): Promise<void> {
  const changes = platform.db("realtime").collection("changes");
  const pipeline = [
    { $match: { app: app.appId, "change.announcementId": announcementId } },
    { $group: { _id: null, receivers: { $sum: { $size: { $ifNull: ["$users", "$receivers"] } } } } },
  ];
  for (const giveUpAt = Date.now() + LOG_DEADLINE_MS; Date.now() < giveUpAt; await wait(POLL_MS)) {
    const [logged] = await changes.aggregate<{ receivers: number }>(pipeline).toArray();
    if (logged?.receivers === count) return;
  }
  throw new Error("the announcement was not logged for everybody in time");
}
