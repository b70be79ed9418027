// Sockets of the Client API, in four parts: what an idle one costs beside one of a bare `ws` server; how long a message takes
// from its 201 to the other's socket at 100 messages a second; deliveries per second of one announcement to users who are
// all there, from the POST to the last socket, beside a bare `ws` server sending packets of the same length (this is the
// ratio); and how long it takes until all sockets, dropped at once, are back and have caught up. Every part counts what came.
// The last line's p50 and p99 are those of the messages.
import { readFileSync } from "node:fs";
import { startPlatform } from "@strata/tests-platform";
import { announcements } from "./realtime/announcing.ts";
import { comingBack } from "./realtime/coming-back.ts";
import { deliveries } from "./realtime/delivery.ts";
import { idleCost } from "./realtime/idle.ts";
import { startSwarm } from "./realtime/swarm.ts";
import { announce, makeWorld } from "./realtime/world.ts";
import { cpuSecondsByServiceOf } from "./support/processes.ts";
import { percentile, printReport } from "./support/report.ts";

const SOCKETS = Number(process.argv[2] ?? 10_000);
const ANNOUNCED = Math.min(SOCKETS, Number(process.argv[3] ?? 5_000));
const PAIRS = Number(process.argv[4] ?? 5);
const SECONDS = Number(process.argv[5] ?? 20);
const MESSAGES_PER_SECOND = 100;
const CLIENT_PROCESSES = 2;
/** Files of a process beside its sockets, with room. */
const OTHER_FILES = 500;

checkFileLimit(Math.max(SOCKETS, ANNOUNCED * 2) + OTHER_FILES);
await using platform = await startPlatform("bench-realtime", {
  // All of them are of one app.
  env: { realtime: { MAX_SOCKETS_PER_APP: String(2 * Math.max(SOCKETS, ANNOUNCED * 2)) } },
});
await using swarm = await startSwarm(CLIENT_PROCESSES);
const world = await makeWorld(platform, swarm, SOCKETS);

// First, while the process is young: what it has freed before would hide what sockets take.
const idle = await idleCost(world, [Math.ceil(SOCKETS / 5), SOCKETS]);
const delivered = await deliveries(world, MESSAGES_PER_SECOND, SECONDS);
const pairs = await announcements(
  {
    ...world,
    announce: (count, announcementId) => announce(world, count, announcementId),
    cpuSeconds: () => cpuSecondsByServiceOf(platform),
  },
  ANNOUNCED,
  PAIRS,
);
// Of another app, so that they catch up with what they missed, and not with the minute before besides.
const back = await comingBack(await makeWorld(platform, swarm, SOCKETS), SOCKETS);

const ms = (value: number): number => Number(value.toFixed(1));
printReport("realtime", ANNOUNCED, pairs, back.peakRssMb, {
  p50_ms: ms(percentile(delivered.afterAnswerMs, 0.5)),
  p99_ms: ms(percentile(delivered.afterAnswerMs, 0.99)),
  messages: delivered.messages,
  post_to_socket_p50_ms: ms(percentile(delivered.afterSendMs, 0.5)),
  post_to_socket_p99_ms: ms(percentile(delivered.afterSendMs, 0.99)),
  idle: idle.map(({ sockets, oursKb, floorKb }) => ({ sockets, ours_kb: ms(oursKb), floor_kb: ms(floorKb) })),
  back: {
    sockets: back.sockets,
    seconds: ms(back.seconds),
    failed_upgrades: back.refused,
    failed_replays: back.failedReplays,
    rest_p99_ms: ms(back.restP99Ms),
    quiet_rest_p99_ms: ms(back.quietRestP99Ms),
  },
});

/** Every socket is a file of the process that has it; Node itself goes up to the hard limit when it starts. */
function checkFileLimit(needed: number): void {
  const [, allowed = "0"] = /^Max open files +(\d+|unlimited)/m.exec(readFileSync("/proc/self/limits", "utf8")) ?? [];
  if (allowed === "unlimited" || Number(allowed) >= needed) return;
  throw new Error(
    `${SOCKETS} sockets need ${needed} open files in one process, and ${allowed} are allowed here. ` +
      `Raise it first (ulimit -n ${needed}; above the hard limit as root), or pass fewer: npm run bench -- realtime ${Math.max(200, Number(allowed) - 2 * OTHER_FILES)}`,
  );
}
